// Package codec is the alphabet of Quiver: the types of columns, the rendering of
// their values, and the bytes of rows and keys.
package codec
