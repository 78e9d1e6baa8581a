package chrono

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a definition must mean the same on every machine, also where no zone files are installed
)

// Zone is a time zone. It is safe for concurrent use.
type Zone struct {
	Name string
	loc  *time.Location // nil: UTC
}

// UTC is the zone of everything that names none.
var UTC = &Zone{Name: "UTC"}

// LoadZone returns the zone with the given IANA name: "UTC", "America/New_York".
// Offsets such as "+05:00" are no names.
func LoadZone(name string) (*Zone, error) {
	if name == "UTC" {
		return UTC, nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; use an area and place such as \"Europe/Berlin\"", name)
	}
	if z, ok := zones.Load(name); ok {
		return z.(*Zone), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || path.Clean(name) != name { // a zone has one name, so zones is bounded
		return nil, fmt.Errorf("%q is not a time zone; use an area and place such as \"Europe/Berlin\"", name)
	}
	z, _ := zones.LoadOrStore(strings.Clone(name), &Zone{Name: name, loc: loc})
	return z.(*Zone), nil
}

// zones are those that were asked for, *Zone by name: reading one takes 15 µs, which counts
// where every logged row names its zone. There are some 600.
var zones sync.Map

// Errors of Instant.
var (
	ErrGap       = errors.New("the clocks skip this local time")
	ErrAmbiguous = errors.New("the clocks show this local time twice")
	ErrRange     = errors.New("outside of the years 1 to 9999")
)

// Instant returns the instant at which the clocks of the zone show the local time,
// given as if it were UTC. Times that the clocks skip or show twice are errors, as is
// an instant out of range.
func (z *Zone) Instant(local int64) (int64, error) {
	if z.loc == nil {
		if !InRange(local) {
			return 0, ErrRange
		}
		return local, nil
	}
	// No offset reaches a day, so the two offsets that may apply hold a day before
	// and a day after; transitions less than two days apart do not exist.
	early := local - z.offset(local-Day)
	late := local - z.offset(local+Day)
	okEarly := early+z.offset(early) == local
	okLate := late+z.offset(late) == local
	switch {
	case okEarly && okLate && early != late:
		return 0, ErrAmbiguous
	case okLate:
		early = late
	case !okEarly:
		return 0, ErrGap
	}
	if !InRange(early) {
		return 0, ErrRange
	}
	return early, nil
}

// offset returns what the clocks are ahead of UTC at an instant, in microseconds.
func (z *Zone) offset(micros int64) int64 {
	_, seconds := z.at(micros).Zone()
	return int64(seconds) * Second
}

func (z *Zone) at(micros int64) time.Time {
	days, ofDay := DayOf(micros)
	return time.Unix(days*86400+ofDay/Second, 0).In(z.loc)
}

// Clock tells the local time of instants of one zone. It remembers the span between two
// changes of the clocks, so runs of instants of one season cost no search. It is not
// safe for concurrent use.
type Clock struct {
	zone     *Zone
	from, to int64 // instants between which offset holds
	offset   int64
	name     string
}

// NewClock returns a clock of the zone.
func NewClock(z *Zone) Clock {
	c := Clock{zone: z}
	if z.loc == nil {
		c.name = "UTC"
	}
	return c
}

// Local returns what the clocks show, as if it were UTC.
func (c *Clock) Local(micros int64) int64 {
	if (micros < c.from || micros >= c.to) && c.zone.loc != nil {
		c.turn(micros)
	}
	return micros + c.offset
}

func (c *Clock) turn(micros int64) {
	t := c.zone.at(micros)
	name, seconds := t.Zone()
	c.name, c.offset = name, int64(seconds)*Second
	c.from, c.to = math.MinInt64, math.MaxInt64
	from, to := t.ZoneBounds()
	if !from.IsZero() {
		c.from = from.Unix() * Second
	}
	if !to.IsZero() {
		c.to = to.Unix() * Second
	}
}
