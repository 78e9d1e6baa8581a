// Package codec is the alphabet of Quiver: the types of columns (type.go), the JSON
// text of their values (cell.go and its neighbours), the bytes of rows (row.go,
// rowwriter.go) and of keys (key.go), and a scanner for the JSON that clients send
// (scan.go).
//
// # Cells are rendered when they are written
//
// A stored value, a cell, is the very text that a read prints. Features are written
// once and read many times, and most of what a feature server does per read is turning
// values into text: for a row of 20 columns, formatting typed values cost 1.2 us, and
// copying finished text 0.02 us (binary values to text through a generic JSON encoder:
// 2.2 us; the stored bytes are 1.7 times as many). So a read copies and does nothing
// else. The rendering is that of the Hopsworks API; the other APIs convert the few kinds
// of cells that they print differently (booleans, times, NaN), and no others.
//
// # Cells
//
//	integers             exact digits                        -9223372036854775808
//	float, double        shortest text that reads back       1.5  48  1e+06
//	                     NaN, infinities: null + Special     null
//	decimal(p,s)         exactly s fraction digits, a bare number   12.50
//	boolean              0 1
//	string, varchar(n)   JSON string, as few escapes as legal       "a\"b"
//	binary               standard base64 with padding        "MA=="
//	date                 "2022-01-31"
//	timestamp(p)         UTC, exactly p fraction digits      "2022-01-31 23:59:59.123"
//	array, Embedding     [..]
//	struct               {..} all fields in declared order, absent ones null
//	map                  {..} keys in byte order
//	null                 null
//
// Inside arrays, structs and maps the same, but for what the Hopsworks API prints
// otherwise there, where it decodes Avro to plain JSON: booleans are true and false,
// dates and timestamps are RFC 3339 ("2022-01-31T23:59:59.123Z"), and NaN is null
// without a trace, where the type is spelled in SQL's words. Where it is spelled in
// Fennel's, null may be no value of it, and NaN and the infinities are their strings:
// [1.5,"NaN","-infinity"]. There is no white space between tokens.
//
// # Rows
//
// A row is a header, offsets, and the cells separated by commas, so that any run of
// neighbouring columns is one copy into the answer. Numbers are little-endian.
//
//	 0      1      2          4                 8                                16
//	+------+------+----------+-----------------+----------------------------------+
//	| form | flags| columns  | schema id       | time, Unix microseconds          |
//	| = 1  |      | u16 = n  | u32             | i64                              |
//	+------+------+----------+-----------------+----------------------------------+
//	if flags & 2, the special cells in order of their columns, m > 0:
//	+----------+----------+------+     +----------+------+
//	| u16 = m  | column u16, kind | ... | column u16, kind |   kind 1 NaN, 2 +inf, 3 -inf
//	+----------+----------+------+     +----------+------+
//	+---------+---------+     +---------+
//	| start 0 | start 1 | ... | start n |    u16, or u32 if flags & 1: where each cell
//	+---------+---------+     +---------+    starts, counted from the first one
//	+--------+-+--------+-+     +----------+
//	| cell 0 |,| cell 1 |,| ... | cell n-1 |
//	+--------+-+--------+-+     +----------+
//
// Cell i ends one byte before start i+1, so start 0 is 0, and start n is one more than
// the length of all cells. A row has at least one column.
//
// The time is the row's event time, or when it was written if the group has none. The
// row 36,"a" of schema 7 at time 1 is, in hexadecimal,
//
//	01 00 0200 07000000 0100000000000000 0000 0300 0700 3336 2c 226122
//
// Columns are in the physical order of the schema. New columns are only ever appended,
// so a row with fewer columns than the schema is an old one, and the plan fills in
// defaults. Version and expiry of a row are not in it: they are in the envelope that
// package storage's backends put around the opaque row, because a store must order and
// sweep rows without reading them.
//
// # Keys
//
// A key is the key columns' values one after another. Bytes order as values do, and no
// key is the beginning of another key of the same columns, so keys of several parts
// need no separator and a store can scan them in order.
//
//	any integer, boolean  8 bytes  big-endian, sign bit flipped      36 = 8000000000000024
//	date                  4 bytes  day since 1970, the same way      1970-01-02 = 80000001
//	timestamp            10 bytes  microsecond since 1970 in 8 bytes, the same way, then
//	                               the nanoseconds within it, u16
//	decimal(p,s)          1 byte   01, or 00 for negative numbers, then
//	                   (p+1)/2     all p digits, two in a byte, behind a zero if p is odd;
//	                               complemented for negative numbers
//	string, binary        n bytes  as they are, but 00 written 00 FF, then
//	                      2 bytes  00 01                             "ab" = 6162 0001
//
// Integers of all widths are alike, so that groups which declare the key of one entity
// differently still keep it in one shard.
package codec
