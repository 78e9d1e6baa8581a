// Package webhook takes rows that are logged to the endpoints of webhooks into the
// groups that they feed (Fennel contract, sections 1.4, 2.3 and 3.2).
//
// A call of Log is atomic. First every row is converted, filtered and checked for every
// group; nothing is written if one does not fit. Then the data as sent is appended to
// the endpoint's stream as one durable record, and then the rows go into the groups,
// one step a group. When Log returns nil all of that is durable.
//
//	record  format byte (1) | int64 time of the call, Unix microseconds | data as sent
//	        format byte (2) | int64 time of the call | uint32 n | n times int64 group,
//	        int64 limit | data as sent
//
// # Late rows
//
// A row whose event time is further behind the newest one that its endpoint has seen for
// the group than the endpoint's disorder is dropped and counted, in strict calls as well
// (Fennel contract, section 3.2). What counts are the calls before: rows of one call do
// not make each other late. Times in the future count as the present. A record of which
// rows were dropped so has the limits (format 2), and is replayed by them into the groups
// that it was logged to; a group that is added later gets all rows.
//
// # After a crash
//
// What the stream holds beyond the endpoint's mark is applied again by Recover, so that
// a call of which only some groups had got their rows becomes whole. Rows with an event
// time go to where they were, and replacing a row by itself changes nothing. Rows for a
// group without a key are compared with the events that are there; each is appended only
// as often as it is missing. Two windows remain: an event equal in every cell to one that
// another call logged is taken for that one, if its own call was cut off, which it never
// acknowledged; and rows for a keyed group without an event time, of which the last to
// arrive counts, may replace a row that came from elsewhere after the mark, up to a
// second before the crash.
//
// # Groups defined later
//
// A group that is added to an endpoint gets what the stream still holds, in the
// background. Rows logged meanwhile go into it at once; of a keyed group without an
// event time an older row may then come after a newer one.
package webhook
