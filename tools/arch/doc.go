// Package arch holds the rules that keep the tree simple, as tests: who may import
// whom and why, what may stand at the top level, where unsafe code may live, and
// below which versions three modules must not fall. It has no code of its own.
//
// Run it with -count=1 (`make arch`): the test cache does not notice a new import
// in another package, and would hide a broken rule.
package arch
