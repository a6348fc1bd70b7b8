package client

import (
	"net/url"
	"slices"
	"time"
)

// Before lets a duration be written without the minus by which the API tells it from
// a time.
func Before(moment string) string {
	if d, err := time.ParseDuration(moment); err == nil && d > 0 {
		return "-" + moment
	}
	return moment
}

// Query writes the parameters that are not empty.
func Query(pairs ...string) string {
	q := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		if len(pair) == 2 && pair[1] != "" {
			q.Set(pair[0], pair[1])
		}
	}
	return q.Encode()
}
