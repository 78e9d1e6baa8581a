// Package chrono is the calendar of expressions and of ingested JSON: instants as
// microseconds since 1970-01-01 UTC, days as days since then, time zones by their IANA
// names, texts by the format codes of Rust's chrono crate (which Fennel users write in
// strptime and strftime), and the texts and numbers that Fennel's log API takes for a
// datetime or a date.
//
// Instants reach from the year 1 to the end of the year 9999; whatever would leave that
// range is an error. Leap seconds are read (:60) as the second after.
//
// # Format codes
//
//	%Y year 0001-9999  %C century  %y year without century (70-99 are 19xx)
//	%G %g %V ISO year, its last two digits, ISO week
//	%m month  %b %h Jan  %B January  %d day  %e day, space-padded  %j day of the year
//	%a Sun  %A Sunday  %w weekday, Sunday 0  %u weekday, Monday 1 to Sunday 7
//	%U %W week of the year, beginning on Sunday, on Monday
//	%H hour  %k hour, space-padded  %I %l hour of 12  %p AM  %P am  %M minute  %S second
//	%f nanoseconds (9 digits; read as a number)  %3f %6f %9f with so many digits
//	%.f the same behind a point, 0, 3, 6 or 9 digits as needed  %.3f %.6f %.9f
//	%Z zone name (skipped when read)  %z +0930  %:z +09:30  %::z +09:30:00  %:::z +09
//	%#z like %z, but minutes may lack and Z is taken (reading only)
//	%D %x %m/%d/%y  %F %Y-%m-%d  %v %e-%b-%Y  %R %H:%M  %T %X %H:%M:%S
//	%r %I:%M:%S %p  %c %a %b %e %H:%M:%S %Y  %+ RFC 3339  %s seconds since 1970
//	%t tab  %n newline  %% percent; - _ 0 after the % set the padding: none, spaces, zeros
//
// Reading takes as many digits as a code can have at most, at least one; month and day
// names in any case; white space in the format for any white space or none. All of the
// text must be used up. Parts that lack default to midnight; a format without a full
// date is refused when it is compiled. Parts that contradict each other (a wrong
// weekday) are an error of the text.
package chrono
