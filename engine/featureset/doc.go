// Package featureset computes features on request: it resolves what is asked for to
// the extractors that give it and runs these over all rows of the request at once.
//
//	request      inputs, outputs and data        (Request)
//	resolve      Featureset.feature -> steps     (plan: once per inputs and outputs)
//	run          one step after the other, each over whole columns (run)
//	answer       columns in the order of outputs (Answer)
//
// # Resolution
//
// What the request gives counts as known and is never recomputed. From the outputs
// backwards every feature that is not known needs its extractor, and that extractor's
// inputs are looked for next (Fennel contract, section 4.3). Features without one must
// be given. A plan is kept until the definitions change.
//
// # Lookups
//
// All features that are looked up in one group by the same key share one batched read
// of the store, one entry per row (per element of list lookups). What a lookup gives
// and nothing computes with is never decoded: the stored fragment is copied into the
// answer.
//
// Lookups see rows as of the time of the request. In a group that keeps history a row
// whose event time is still to come is invisible, and the one that it replaced shows.
// A group without history knows only its newest rows, which show whatever their time.
package featureset
