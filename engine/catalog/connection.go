package catalog

import (
	"fmt"
	"slices"
	"time"
)

// The drivers of connections.
const (
	DriverSQLite   = "sqlite"
	DriverPostgres = "postgres"
	DriverMySQL    = "mysql"
)

// Connection is a database that endpoints ask. Like a service it belongs to no feature
// store and has no version.
//
// A Connection is immutable. Its pointer is the same in two snapshots exactly when its
// definition did not change in between.
type Connection struct {
	Name        string
	Description string
	Driver      string
	// DSN says where the database is, as written: environment variables ${NAME} are not
	// put in. It may hold secrets and is shown to nobody.
	DSN  string
	File *Attachment // the SQLite file that stood beside the definition; nil: none

	Pool     PoolLimits
	Timeout  time.Duration // of one call
	MaxRows  int           // of one answer, all its queries together
	MaxBytes int           // of one answer's cells
	ReadOnly bool

	spec   *connectionSpec
	body   []byte
	public []byte // body, without what is secret
	text   digest
}

// PoolLimits bound the connections to one database.
type PoolLimits struct {
	Max      int           // connections open at a time
	Idle     time.Duration // one that was not used for so long is closed
	Lifetime time.Duration // so is one that is this old
	Queue    int           // calls waiting for a connection; more are refused at once
	Wait     time.Duration // a call that waited longer is refused
}

func (c *Connection) key() objectKey               { return c.spec.key() }
func (c *Connection) source() spec                 { return c.spec }
func (c *Connection) definition() []byte           { return c.body }
func (c *Connection) digest() digest               { return c.text }
func (c *Connection) tables(dst []uint32) []uint32 { return dst }

// describe tells what is new about a connection, but for its secrets.
func (c *Connection) describe(o object) []string {
	old, ok := o.(*Connection)
	if !ok {
		return []string{"driver " + c.Driver}
	}
	var d []string
	d = changed(d, "description", old.Description, c.Description)
	d = changed(d, "driver", old.Driver, c.Driver)
	if old.DSN != c.DSN {
		d = append(d, "dsn changed")
	}
	if !slices.EqualFunc(old.spec.Files, c.spec.Files, attachedSpec.same) {
		d = append(d, "file changed")
	}
	d = changed(d, "pool", fmt.Sprint(old.Pool), fmt.Sprint(c.Pool))
	d = changed(d, "timeout", old.Timeout.String(), c.Timeout.String())
	d = changed(d, "maxRows", fmt.Sprint(old.MaxRows), fmt.Sprint(c.MaxRows))
	d = changed(d, "maxBytes", fmt.Sprint(old.MaxBytes), fmt.Sprint(c.MaxBytes))
	return changed(d, "readOnly", fmt.Sprint(old.ReadOnly), fmt.Sprint(c.ReadOnly))
}

// String prints the limits for people.
func (p PoolLimits) String() string {
	return fmt.Sprintf("max %d idle %s lifetime %s queue %d wait %s", p.Max, p.Idle, p.Lifetime, p.Queue, p.Wait)
}

// Connection returns a connection, nil when there is none. Names compare exactly.
func (s *Snapshot) Connection(name string) *Connection {
	c, _ := s.objects[connectionKey(name)].(*Connection)
	return c
}

func connectionKey(name string) objectKey {
	return objectKey{kind: KindConnection, name: name, version: 1}
}
