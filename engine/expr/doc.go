// Package expr is the expression language of Fennel's users: parser, type checker and
// compiler to kernels that work on whole columns.
//
//	text ──Parse──┐
//	              ├─► Tree ──Check──► Checked ──Compile──► Program ──Eval──► column
//	wire ─NewTree─┘          with the types of columns       over columns of a batch
//
// A Tree is the same whether it was written as text or arrived as the messages of
// fennel.proto.expression; every Op has its message. A Program is a list of steps, each
// of which computes one column of a batch from others (see packages vec and chrono
// below this one); there is no interpretation per row. Literals and now() are computed
// once per batch, what is made of literals alone once per program, and equal
// subexpressions once.
//
// # What there is
//
// Values: col("name"), lit(value[, type]) with numbers, text, True, False, None, lists
// and structs, the same without lit, float("nan"), datetime(year, month, day, hour,
// minute, second, millisecond, microsecond, timezone="UTC"), now(), and var("x") inside
// of list.map and list.filter.
//
// Operators, in the order of how they bind, as in Python: - ~, then * / // %, then + -,
// then &, then |, then == != > >= < <= (which cannot be chained). No and, or, not, **, ^.
//
// Core: when(p).then(x)[.when(p).then(y)..][.otherwise(z)], x.isnull(), x.fillnull(y),
// x.astype(T), from_epoch(i, "second"|"millisecond"|"microsecond"), repeat(x, n),
// Name.zip(field=list, ..), Name.expr(field=value, ..), make_struct({"field": value}, T).
//
//	num     abs ceil floor round([precision]) to_string pow(e) sqrt log([base]) sin cos
//	        tan arcsin arccos arctan is_nan is_infinite
//	str     len lower upper contains(s) startswith(s) endswith(s) concat(s) split(sep)
//	        strptime(format[, timezone]) json_extract(path) parse(T) to_int
//	dt      year month week day hour minute second millisecond microsecond (properties),
//	        with_tz(zone).hour and so on, since(t[, unit]), since_epoch([unit]),
//	        strftime(format[, timezone])
//	list    len at(i) contains(x) hasnull sum mean min max all any filter(var, p)
//	        map(var, e)
//	dict    len get(key[, default]) contains(key)
//	struct  get(field)
//
// A method may follow another one of the same namespace without naming it again, as in
// Fennel's client: col("s").str.lower().len().
//
// # Types
//
// Expressions know int, float, bool, str, bytes, date, datetime, Decimal[s], List[T],
// Dict[str, T], structs, Embedding[n] (a list of floats), each also Optional, and null.
// Columns of narrower types, SQL's included, count as the type of their kind; between,
// oneof and regex as the type they restrict; inside of SQL's arrays, structs and maps
// everything is Optional. A value is promoted from T to Optional[T], from null to
// Optional[T], from int to float, and from a struct to one with the same field names in
// any order; nothing else is. A result must be promotable to the declared type or be
// what that restricts; then every value is checked against the restriction, and against
// the range of a narrower type, when the expression runs.
//
// # Nulls and errors
//
// Null makes null, but for isnull, fillnull, when (a null predicate is no), & and |
// (Kleene: false & null is false, true | null is true), repeat, struct and zip, and the
// operations on lists, whose rules stand with their kernels. Syntax, names and types are
// errors of Parse and Check, an *Error with line, column and caret. These are errors of
// Eval, a *RunError with the row: text that strptime, parse or to_int cannot read, a
// negative count of repeat, a negative exponent of two ints, ceil, floor and round of
// what is no int of 64 bits, from_epoch beyond the years 1 to 9999, and a result outside
// of its declared restriction. An error counts only if somebody asks for the value: in a
// branch of when that the row takes, in the argument of fillnull where there is a null.
//
// # What Fennel's contract leaves open
//
//   - x // 0 and x % 0 of ints are 0, of floats ±infinity or NaN. The former is what
//     Fennel's tests pin; the latter goes with it, since the type of int % int is int
//     and not Optional. % has the sign of the divisor.
//   - Integers wrap around on overflow, as in the engine that Fennel evaluates with: in
//   - - * // abs, unary -, pow and list.sum.
//   - Comparisons of floats are a total order: NaN equals itself and is greater than
//     every number, as in that engine. list.min and list.max leave NaN out unless there
//     is nothing else.
//   - == and != also compare lists, dictionaries and structs; nulls inside of them equal
//     each other.
//   - log(base) is ln x / ln base. round rounds half away from zero. to_string writes the
//     shortest decimal that reads back, with a point or an exponent (1.0, 1e16), and NaN,
//     inf, -inf.
//   - lower and upper map letter by letter (ß stays). split("") parts every character.
//   - to_int takes an optional sign and digits, nothing else.
//   - json_extract knows $, .name, ["name"] and [0]; of text that is no JSON it is null,
//     of a JSON null it is "null".
//   - parse reads datetimes as microseconds or ISO 8601, dates as days or YYYY-MM-DD.
//   - strptime fills up missing parts of the time with zero. A local time that the clocks
//     skip or show twice is an error.
//   - since and since_epoch round towards zero; weeks and years round whole days down.
//   - list.map and list.filter may read columns, too: the value of the element's row.
//     list.map takes every body, filter one that is bool and not Optional.
//   - dict.contains works (Fennel only declares it), null for a null key.
//   - Name.expr and Name.zip infer the struct from the arguments, or take the one that is
//     declared for the result; struct<..>.expr(..) says it.
//   - astype may stand anywhere, not only around the whole expression.
//   - Types of literals are inferred for lists, too; datetimes, dates, bytes and
//     dictionaries have no literals.
//
// # Cost
//
// amount > 100 and age >= 18 ? amount*0.1 + age : 0, as an expression of this package,
// takes 160 to 260 ns for one row and 7 to 10 ns a row in batches of 1000, without allocating; a
// machine that runs byte code row by row (expr-lang/expr 1.17.8) takes 350 to 400 ns a row and
// allocates 5 to 6 times. (2 cores, AMD EPYC; BenchmarkQuiver and BenchmarkExprLang.)
//
// # Limits
//
// An expression has at most 64 KiB of text, 2,000 operations, 400 within each other. A
// column has at most 256 MiB of text and 16 million elements. No input makes the package
// panic; the fuzz targets hold it to that.
package expr
