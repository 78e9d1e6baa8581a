// Package sqlquery asks databases: SQLite, which is built in, PostgreSQL, and MySQL or
// MariaDB.
//
// A Database is one defined connection with its pool. A Plan is an endpoint's queries,
// prepared for it. A call takes one connection, runs every query on it in one
// transaction, and gives the connection back; what was changed is rolled back unless the
// endpoint commits.
//
// Values are bound by the database, never written into a text. Cells come back as text,
// as the database writes them, but for floating point numbers: these always show that
// they are some ("63.0").
//
// A call ends at its deadline, also inside the database: SQLite is interrupted, a
// PostgreSQL backend is sent a cancel request, a MySQL thread is killed.
package sqlquery
