// Package predict scores rows with trained models and explains the answers: what the
// prediction endpoints of the Dataiku API need behind their HTTP.
package predict
