// Package proctext parses what Linux shows under /proc, and what the programs
// of several systems print about sockets and addresses.
//
// The functions for /proc read sockets, processes, mounts and ranges, as
// proc(5) and the pages it refers to describe them. [ParseListing] reads the
// output of netstat, ss, sockstat, ip, ifconfig and ipconfig.
//
// All are pure and take whatever bytes they are given: text of a newer kernel
// or program with more fields is read, and text that is broken is an error or a
// [Problem] that says where.
package proctext
