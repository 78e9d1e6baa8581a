// Package avro reads complex feature values that arrive as Avro binary and writes them
// as JSON, as the Hopsworks feature server prints them:
//
//	Avro                                  JSON
//	null, boolean, int, long, string      the same
//	float, double                         shortest number; null for NaN and infinities
//	bytes, fixed                          base64 in a string
//	array, map, record                    array, object, object in the order of the schema
//	union                                 the value alone, without the name of its branch
//	enum                                  its symbol
//	date, timestamp-millis, -micros       RFC 3339 in a string, UTC
//	time-millis, time-micros              whole nanoseconds since midnight
//	decimal                               number with exactly the schema's scale
//
// A stored value is the binary form of a field's own schema, the union ["null", T]; so
// the array [91,65] of longs that may be null is
//
//	02           branch 1 of ["null", array]
//	04           a block of 2 items
//	02 b6 01     branch 1 of ["null", "long"], 91 (zigzag, then 7 bits a byte, low first)
//	02 82 01     branch 1, 65
//	00           no more blocks
//
// The decoder goes from bytes to JSON directly; package hamba/avro reads the schemas
// (and is the reference in the tests). It takes bytes from anywhere: it neither panics
// nor makes more than a bounded amount of anything of them.
package avro
