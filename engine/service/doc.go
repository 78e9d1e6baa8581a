// Package service answers the endpoints of services: it keeps the generations of every
// service compiled, draws the one that answers a request, and runs its endpoint.
//
// A change of the catalog compiles the next table of services beside the one in use and
// swaps a pointer. A call takes the table once, so it finishes on the generation it
// began with.
//
// Rights on a service suffice for its endpoints: the groups that these read are read in
// the name of the server. A public service asks nobody who they are.
package service
