// Package proctext parses the text that Linux shows under /proc: sockets,
// processes, mounts and ranges, as proc(5) and the pages it refers to describe
// it. The functions are pure and take whatever bytes they are given: text of a
// newer kernel with more fields is read, and text that is broken is an error
// that says where.
package proctext
