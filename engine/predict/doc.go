// Package predict scores rows with trained models and explains the answers: what the
// prediction endpoints of the Dataiku API need behind their HTTP.
//
//	model  := trees.Read(file) or onnx.Load(file)          engine/predict/{trees,onnx}
//	p, err := predict.New(model, predict.Config{...})      once, when a definition is applied
//
//	b := p.NewBatch()                                      pooled by the caller
//	b.Reset(n); b.Set(row, name, token)…; b.Drop(row, reason)
//	p.Predict(ctx, b)                                      fills b.Results
//	p.Explain(ctx, b, e)                                   fills their Explanations
//
// # From a request to a row
//
// A feature arrives as a JSON token. Numbers may be text ("479.82"), booleans count as
// 0 and 1, times become seconds since 1970. null, NaN, the infinities, empty text, and
// text that is no number where a number is wanted are missing. A category becomes its
// code; one that is not listed is unknown. Each feature says what happens to missing
// and unknown values (Handling): the model sees them, something else is put in their
// place, or the row is not scored and its Result says IGNORED_BY_MODEL. Names that are
// no feature are ignored.
//
// # Explanations
//
// What is explained is the value of a regression, and otherwise the log-odds of a
// class: the second of two, or the most probable of several. Contributions are signed,
// in that unit, and not normalised. ICE and SHAPLEY look only at the 5·N features with
// the greatest global importance and return the N with the largest contributions; the
// methods are described at ice and shapley. TREESHAP is exact, explains the sum of the
// trees (the log-odds of a binary model, the raw score of a class or a value), and looks
// at all features; see engine/predict/trees.
//
// Answers are reproducible: the background sample is drawn once by Explaining.Seed, and
// the permutations for a row by the seed and the row itself.
//
// # Where the API's description is silent
//
// The description of the methods leaves some details open; these are ours. A value that
// is still missing after its handling is no modality of ICE, and vectors have no
// representatives. A bin of ICE divides the weight of a value that lies on its edge, and
// its median is halfway when it falls between two values. SHAPLEY draws one permutation
// per background row, without replacement until all rows were used. Log-odds are taken
// of probabilities at least 1e-7 away from 0 and 1. Where the model file has no
// importances, those of a small regression forest, trained on what the model says about
// the background, take their place. A second class is predicted when its probability is
// the threshold or more. An answer that is NaN, or a value that is infinite, is a row
// that is not scored.
//
// # Concurrency and memory
//
// A Predictor is immutable and serves any number of goroutines; a Batch belongs to one
// at a time. Results point into their Batch and die with its next Reset. Once a Batch
// has grown, scoring a tree model allocates nothing but the copies of text values.
package predict
