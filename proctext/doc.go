// Package proctext parses what Linux shows under /proc: sockets, processes, control
// groups, mounts and ranges, as proc(5) and the pages it refers to describe them.
// What programs print about sockets and addresses is read by package listing, and
// written by package printout; both use the words of this one.
//
// All are pure and take whatever bytes they are given: text of a newer kernel with
// more fields is read, and text that is broken is an error that says what.
package proctext
