package expr

import (
	"quiver/engine/expr/chrono"
)

// timeStep compiles the operations on datetimes. Its operands have all the rows.
func timeStep(e *expr, at place, dst operand, args []operand) step {
	switch e.op {
	case OpSince, OpSinceEpoch:
		unit := e.n.Unit
		return func(s *Scratch) error {
			a, d := s.regs[args[0].reg], s.regs[dst.reg]
			d.Make(a.Len)
			if e.op == OpSinceEpoch {
				copy(d.Ints, a.Ints)
				valid(d, a.Len, arg{a, 1})
			} else {
				b := s.regs[args[1].reg]
				sub(d.Ints, a.Ints, b.Ints)
				valid(d, a.Len, arg{a, 1}, arg{b, 1})
			}
			wholeUnits(d.Ints, unit)
			return nil
		}
	case OpStrftime:
		return func(s *Scratch) error {
			a, d := s.regs[args[0].reg], s.regs[dst.reg]
			clock := chrono.NewClock(e.zone)
			d.Reset(d.Type)
			var buf [64]byte
			text := buf[:0]
			for i, v := range a.Ints {
				if a.Null(i) {
					d.PushNull()
					continue
				}
				text = e.format.AppendTime(text[:0], v, &clock)
				if err := d.PushText(text); err != nil {
					return err
				}
			}
			return nil
		}
	}
	part := partOf(e.n.Unit)
	return func(s *Scratch) error {
		a, d := s.regs[args[0].reg], s.regs[dst.reg]
		d.Make(a.Len)
		clock := chrono.NewClock(e.zone)
		for i, v := range a.Ints {
			d.Ints[i] = part(clock.Local(v))
		}
		valid(d, a.Len, arg{a, 1})
		return nil
	}
}

// wholeUnits turns microseconds into whole units: towards zero, but weeks and years are
// rounded down from whole days.
func wholeUnits(d []int64, u Unit) {
	unit, per := unitMicros(u), int64(1)
	if u == Week || u == Year {
		unit, per = chrono.Day, unit/chrono.Day
	}
	if unit > 1 {
		for i := range d {
			d[i] /= unit
		}
	}
	if per > 1 {
		for i := range d {
			d[i] = floorDiv(d[i], per)
		}
	}
}

// partOf returns the function that reads a part of a local time.
func partOf(u Unit) func(local int64) int64 {
	ofDay := func(unit, per int64) func(int64) int64 {
		return func(local int64) int64 {
			_, t := chrono.DayOf(local)
			return t / unit % per
		}
	}
	switch u {
	case Hour:
		return ofDay(chrono.Hour, 24)
	case Minute:
		return ofDay(chrono.Minute, 60)
	case Second:
		return ofDay(chrono.Second, 60)
	case Millisecond:
		return ofDay(chrono.Millisecond, 1000)
	case Microsecond:
		return ofDay(1, chrono.Second)
	}
	return func(local int64) int64 {
		days, _ := chrono.DayOf(local)
		switch u {
		case Year:
			year, _, _ := chrono.Date(days)
			return int64(year)
		case Month:
			_, month, _ := chrono.Date(days)
			return int64(month)
		case Day:
			_, _, day := chrono.Date(days)
			return int64(day)
		}
		_, week := chrono.ISOWeek(days)
		return int64(week)
	}
}
