// Package sqltext takes the text of SQL queries apart: where statements end and where
// the ? that take parameters stand. It knows strings, quoted names, comments and, for
// PostgreSQL, dollar quotes, and nothing else of the language.
//
// A ? outside all of these is a parameter. PostgreSQL has operators with question marks
// as well (of jsonb: ? ?| ?&); there, ?? stands for one question mark of an operator.
//
// Nothing here puts a value into a text: values travel beside it.
package sqltext
