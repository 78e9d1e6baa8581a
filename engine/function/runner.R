# Runs one user function in a worker process of Quiver.
#
# The worker connects to the server's port on loopback and says a token. Frames are a
# 4-byte big-endian length and that many bytes of JSON, both ways. The first request says
# what to load; every further one holds the arguments of one call. Answers are numbered
# from 0. The process ends when the server closes the connection, or dies.
local({
  at <- strsplit(Sys.getenv("QUIVER_WORKER"), ":", fixed = TRUE)[[1]]
  Sys.unsetenv("QUIVER_WORKER")
  con <- socketConnection("127.0.0.1", as.integer(at[1]), open = "r+b", blocking = TRUE, timeout = 2147483L, options = "no-delay")
  writeBin(charToRaw(at[2]), con)

  MESSAGE <- 4096L  # characters kept of a message, and of each line of a stack
  STACK <- 100L     # calls kept of a stack

  receive <- function(n) {
    got <- readBin(con, "raw", n)
    while (length(got) < n) {
      more <- readBin(con, "raw", n - length(got))
      if (length(more) == 0L) return(NULL)
      got <- c(got, more)
    }
    got
  }

  # Returns the text of the next frame, NULL at the end of the server.
  read <- function() {
    head <- readBin(con, "integer", 1L, size = 4L, endian = "big")
    if (length(head) == 0L) return(NULL)
    body <- receive(head)
    if (is.null(body)) return(NULL)
    text <- rawToChar(body)
    Encoding(text) <- "UTF-8"
    text
  }

  send <- function(text) {
    body <- charToRaw(enc2utf8(text))
    writeBin(c(writeBin(length(body), raw(), endian = "big"), body), con)
  }

  if (!requireNamespace("jsonlite", quietly = TRUE)) {
    send('{"id":0,"error":{"kind":"start","message":"the R package jsonlite is missing; apt-get install r-cran-jsonlite"}}')
    quit("no")
  }

  # What user code sees besides its own folder's.
  helpers <- new.env(parent = globalenv())
  helpers$quiver_error <- function(status = 500, message = "") {
    if (is.character(status)) {
      message <- status
      status <- 500
    }
    stop(structure(class = c("quiver_error", "error", "condition"), list(message = message, call = NULL, status = status)))
  }
  helpers$quiver_response <- function(status = 200, headers = list(), body = "") {
    structure(class = "quiver_response", list(status = status, headers = headers, body = body))
  }
  helpers$quiver_request <- function() current
  helpers$q <- helpers$quit <- function(...) stop("a function cannot end its worker: return, or stop()")
  current <- NULL
  user <- new.env(parent = helpers)

  # Vectors with names become objects, as lists are; of data frames and factors jsonlite knows itself.
  named <- function(x) {
    if (is.data.frame(x)) return(x)
    if (is.function(x)) stop("a function cannot be written as JSON")
    if (is.list(x)) {
      x[] <- lapply(x, named)
      return(x)
    }
    if (is.atomic(x) && !is.null(names(x)) && is.null(dim(x))) as.list(x) else x
  }

  write <- function(x) {
    if (is.null(attributes(x)) && length(x) == 1L) {  # most results are one number
      if (is.logical(x)) return(if (is.na(x)) "null" else if (x) "true" else "false")
      if (is.numeric(x)) {
        if (!is.finite(x)) return("null")
        text <- sprintf("%.15g", x)
        return(if (as.numeric(text) == x) text else sprintf("%.17g", x))
      }
    }
    as.character(jsonlite::toJSON(named(x), auto_unbox = TRUE, dataframe = "rows", matrix = "rowmajor", null = "null", na = "null", digits = NA,
      factor = "string", Date = "ISO8601", POSIXt = "ISO8601", UTC = TRUE, raw = "base64", rownames = FALSE))
  }

  response <- function(r) {
    headers <- lapply(seq_along(r$headers), function(i) list(names(r$headers)[i], as.character(r$headers[[i]])))
    out <- list(status = as.integer(r$status), headers = headers)
    if (is.raw(r$body)) out$base64 <- jsonlite::base64_enc(r$body)
    else if (is.character(r$body)) { out$text <- paste(r$body, collapse = "\n"); out$kind <- "text" }
    else { out$text <- write(r$body); out$kind <- "json" }
    jsonlite::toJSON(out, auto_unbox = TRUE)
  }

  cut <- function(text) substr(paste(text, collapse = "\n"), 1L, MESSAGE)

  failure <- function(kind, e, ...) {
    out <- list(kind = kind, type = class(e)[1L], message = cut(conditionMessage(e)), ...)
    jsonlite::toJSON(out, auto_unbox = TRUE, null = "null")
  }

  # Calls code(), noting the calls under way when it fails; only those below it are the user's.
  stack <- NULL
  watched <- function(code) {
    depth <- sys.nframe()
    withCallingHandlers(code(), error = function(e) {
      calls <- sys.calls()
      calls <- calls[seq_along(calls) > depth + 2L]
      calls <- utils::head(calls, max(0L, length(calls) - 2L))
      lines <- vapply(calls, function(x) cut(deparse(x, nlines = 1L)[1L]), "")
      stack <<- cut(paste0("Error: ", conditionMessage(e), if (length(lines)) "\nCalls, the last one last:\n  ", paste(utils::tail(lines, STACK), collapse = "\n  ")))
    })
  }

  # Says what is wrong with the names of arguments, NULL if nothing is.
  judge <- function(args) {
    given <- names(args)
    wrong <- character()
    missing <- setdiff(required, given)
    if (length(missing)) wrong <- c(wrong, paste("missing", paste(missing, collapse = ", ")))
    unknown <- if (any_name) character() else setdiff(given, allowed)
    if (length(unknown)) wrong <- c(wrong, paste("unexpected", paste(sort(unknown), collapse = ", ")))
    if (length(wrong)) paste0(name, "(", paste(c(allowed, if (any_name) "..."), collapse = ", "), "): ", paste(wrong, collapse = "; "))
  }

  # Makes one call; returns microseconds in the function and the answer's member with its JSON.
  call <- function(text) {
    spent <- 0
    error <- function(kind, e, ...) list(spent, "error", failure(kind, e, ...))
    args <- tryCatch(jsonlite::parse_json(text, simplifyVector = TRUE, simplifyMatrix = FALSE), error = identity)
    if (inherits(args, "error")) return(error("arguments", simpleError(paste("the arguments are no valid JSON:", conditionMessage(args)))))
    if (setup$request) {
      current <<- args$request
      args <- args$arguments
    }
    if (!is.list(args) || is.data.frame(args) || (length(args) && is.null(names(args)))) {
      return(error("arguments", simpleError(paste0("the arguments of ", name, " are given as a JSON object"))))
    }
    args <- args[!duplicated(names(args), fromLast = TRUE)]
    wrong <- judge(args)
    if (!is.null(wrong)) return(error("arguments", simpleError(wrong)))

    stack <<- NULL
    begin <- Sys.time()
    value <- tryCatch(list(watched(function() do.call(fun, args, quote = TRUE))), error = identity, interrupt = identity)
    spent <- as.integer(as.numeric(Sys.time() - begin, units = "secs") * 1e6)
    if (inherits(value, "quiver_error")) {
      out <- list(kind = "user", type = "quiver_error", message = cut(value$message), traceback = stack, status = as.integer(value$status))
      return(list(spent, "error", jsonlite::toJSON(out, auto_unbox = TRUE)))
    }
    if (inherits(value, "condition")) return(error("user", value, traceback = stack))
    value <- value[[1L]]
    member <- if (inherits(value, "quiver_response")) "response" else "result"
    text <- tryCatch(if (member == "response") response(value) else write(value), error = identity)
    if (inherits(text, "error")) return(error("serialise", text))
    if (nchar(text, "bytes") > setup$frame) {
      return(error("large", simpleError(sprintf("the answer has %d bytes, the limit is %d", nchar(text, "bytes"), as.integer(setup$frame)))))
    }
    list(spent, member, text)
  }

  setup <- jsonlite::parse_json(read())
  name <- setup[["function"]]
  fun <- tryCatch(watched(function() {
    file <- file.path(setup$folder, setup$file)
    sys.source(file, user, chdir = TRUE, keep.source = TRUE)
    has <- ls(user)[vapply(ls(user), function(n) is.function(user[[n]]), NA)]
    if (!name %in% has) stop(setup$file, " has no function ", name, "; it has: ", if (length(has)) paste(has, collapse = ", ") else "none")
    user[[name]]
  }), error = identity)
  if (inherits(fun, "error")) {
    send(paste0('{"id":0,"error":', failure("start", fun, traceback = stack), "}"))
    flush(stdout())
    quit("no")
  }
  allowed <- names(formals(args(fun)))
  any_name <- "..." %in% allowed
  allowed <- setdiff(allowed, "...")
  # Functions that ask missing(x) may be called without any argument.
  required <- if ("missing" %in% all.names(body(fun))) character() else {
    allowed[vapply(formals(args(fun))[allowed], function(x) is.symbol(x) && !nzchar(as.character(x)), NA)]
  }
  hello <- list(executable = file.path(R.home("bin"), "R"), version = as.character(getRversion()))
  send(paste0('{"id":0,"result":', jsonlite::toJSON(hello, auto_unbox = TRUE), "}"))

  number <- 0L
  repeat {
    text <- read()
    if (is.null(text)) break
    number <- number + 1L
    answer <- call(text)
    flush(stdout())
    send(paste0('{"id":', number, ',"us":', answer[[1L]], ',"retire":false,"', answer[[2L]], '":', answer[[3L]], "}"))
  }
})
quit("no")
