//go:build race

package bolt

// raceBuild says that the race detector is in, and with it checkptr, which ends
// the process where bbolt's view of a damaged page leaves the page: what a
// release does there can't be seen.
const raceBuild = true
