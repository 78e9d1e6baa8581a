// Package featurelog writes features that were answered to Parquet files, as training
// data (Fennel contract, section 7).
//
//	DIR/workflow=W/hour=2026-11-21T05/part-N.parquet   complete files, never changed
//	DIR/.part-N.tmp                                    one being written
//
// W is the name of the workflow with everything but letters, digits, "_", "-" and inner
// dots percent-encoded, which readers of such folders decode. The hour is that of the
// request, UTC. N grows. A file gets its final name when it is complete and on disk: a
// crash leaves a hidden *.tmp file at most, which the next start removes, and loses the
// rows that were still in memory.
//
// The columns of a file are timestamp, when the request was answered, and each input and
// output under its full name. Requests with other features of the same workflow go to
// files of their own; programs that read a folder as one table want one set of features
// per workflow. All columns but timestamp may be null:
//
//	integers          INT64
//	float, double     DOUBLE
//	string            STRING
//	boolean           BOOLEAN
//	timestamp         TIMESTAMP(us, UTC)
//	date              DATE
//	binary            byte arrays
//	decimal, complex  STRING with JSON, as the API answers them
//
// The workflow is in the folder's name and the file's metadata and is no column of its
// own: readers of partitioned folders add it, and refuse one that is there already.
package featurelog
