// Package trees reads tree ensembles trained by XGBoost and LightGBM, evaluates them
// and explains single predictions, in pure Go.
//
// # Files
//
//   - XGBoost 1.0 to 3.x, JSON and UBJSON (save_model): gbtree and dart boosters,
//     numeric and categorical splits, scalar leaves.
//   - LightGBM 2 to 4, text (save_model): numeric and categorical splits, averaged
//     (random forest) and boosted.
//
// What cannot be scored exactly is refused by name: linear boosters, linear trees,
// vector leaves, custom objectives with an unknown link.
//
// A file is untrusted. Reading allocates in proportion to the file's size, every index
// is checked, each node must be reached exactly once from the root, and the counts of
// Limits bound the rest. A Model never panics on any file that Read took.
//
// # Exactness
//
// Comparisons are those of the training library: XGBoost compares single-precision
// features with single-precision conditions (value < condition), LightGBM
// double-precision ones (value <= threshold). Sums are taken in the library's order and
// precision.
//
// # Layout
//
// All trees lie in one array of 16-byte nodes. The two children of a split are
// neighbours, and a leaf is its own left child, so a step is
//
//	i = node[i].left + (key[node[i].slot] >= node[i].cond)
//
// without a branch, and four walks are interleaved to hide the latency of memory. Keys
// are the row's values as integers in the same order as the values. Each feature has
// several keys, its slots, which differ only in what a missing value becomes (below or
// above everything), so that the default direction of a split costs nothing either.
package trees
