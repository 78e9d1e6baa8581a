// Package lab measures Quiver beside things that put its figures into proportion, all
// in one run on one machine:
//
//	ceiling     fasthttp answering a ready-made body of the same size: what HTTP costs
//	net/http    the same with the standard library
//	naive       the same rows from the same store the way it is usually written: JSON
//	            into maps, rows into []any, maps into JSON
//	quiver      the product, every row from Pebble
//	cached      the product with its row cache, every row in it
//
// Machines are noisy: an absolute figure may move by 40 % within minutes. So what is
// compared is measured in turns, several times over, and what is quoted are medians and
// ratios within one run.
//
// What one table cannot show is measured apart: MeasureOthers, MeasureWrites, MeasureLoads
// and MeasureMemory, the last three with the program as users run it.
//
// The servers run in child processes, which are this same program started again (see
// Main), so that their CPU time and allocations are their own.
package lab
