// Package ingest turns files into rows: CSV, JSONL and Parquet sources, plain or
// compressed, that yield rows of one group, and the load stream in which encoded
// rows travel to a server.
//
//	src, err := ingest.Open("users.csv.gz", target, ingest.Options{})
//	for {
//		row, err := src.Next(row[:0])  // io.EOF at the end; *BadRow for a bad one
//		...
//		err = stream.Add(row)
//	}
//
// A source is read from start to end by one goroutine and holds one row, one
// decompression window and one read buffer in memory, whatever the size of the file
// (Parquet: one page per column). Every bad value is reported with its place:
//
//	users.csv:17: column "age": is not an integer (value "x1")
//
// # What cells mean
//
//   - CSV: the first line names the columns. Fields are as in RFC 4180. An empty
//     field is null, but for string columns, where it is the empty string.
//   - JSONL: one object a line. An absent field counts as a missing column.
//   - Parquet: columns are compared by type before the first row; see parquet.go.
//   - A column that the file lacks takes its default, else null. Key columns and the
//     event time must be there and not be null.
//
// Names match exactly, then without regard to case.
//
// # The load stream
//
// A load stream carries finished rows (see package codec for their bytes) of one
// schema. All integers are little-endian.
//
//	stream  = header block* end
//
//	header  +------+------+------+------+---------+-------+----------+-----------+
//	        | 'Q'  | 'V'  | 'L'  | 'S'  | version | flags | reserved | schema id |
//	        |                           | 1 byte  | 1 (0) | 2 (0)    | 4 bytes   |
//	        +------+------+------+------+---------+-------+----------+-----------+
//
//	block   +------+-----------+-----------+-----------------+-------------------+
//	        | 'B'  | row count | length    | xxhash64 of     | payload           |
//	        |      | 4 bytes   | 4 bytes   | payload 8 bytes | length bytes      |
//	        +------+-----------+-----------+-----------------+-------------------+
//
//	payload = (row length, uvarint; row)*        as many as the row count
//
//	end     +------+-----------------+-------------------------------+
//	        | 'E'  | rows in all     | xxhash64 of the 8 bytes before|
//	        |      | 8 bytes         | 8 bytes                       |
//	        +------+-----------------+-------------------------------+
//
// A block holds at least one row and at most MaxBlock bytes. The end frame tells a
// whole stream from one that was cut off: without it, and with anything behind it,
// the stream is refused. The stream itself is not compressed; whoever carries it may
// compress the whole (HTTP: Content-Encoding: s2).
package ingest
