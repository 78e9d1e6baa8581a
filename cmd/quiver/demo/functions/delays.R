# What the delays of some flights, in minutes, are like.
delays <- function(minutes, late = 15) {
  if (!is.numeric(minutes)) quiver_error(400, "minutes should be numbers")
  list(flights = length(minutes), mean = mean(minutes), median = median(minutes), late = mean(minutes > late))
}
