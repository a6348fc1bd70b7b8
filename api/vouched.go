package api

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/auth/people"
)

// Vouched is how the proxy before the server says who somebody is.
type Vouched struct {
	// UserHeader names them; GroupsHeader, which may be empty, lists their groups,
	// separated by commas.
	UserHeader, GroupsHeader string
	// Grants gives roles to users and groups.
	Grants auth.Grants
}

// maxVouched bounds a name, and maxGroups how many groups are looked at.
const (
	maxVouched = 255
	maxGroups  = 1000
)

// person is whom the proxy vouches for; "" if it names nobody. The error wraps
// [auth.ErrCredential].
func (v *Vouched) person(r *http.Request) (p people.Person, err error) {
	named := r.Header.Values(v.UserHeader)
	switch {
	case len(named) == 0 || len(named) == 1 && named[0] == "":
		return p, nil
	case len(named) > 1: // one of them may be the client's own
		return p, fmt.Errorf("user is %w: header %s is there %d times: the proxy must replace what clients send", auth.ErrCredential, v.UserHeader, len(named))
	}
	user := named[0]
	if len(user) > maxVouched || strings.ContainsFunc(user, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return p, fmt.Errorf("user is %w: header %s must be a name of at most %d bytes", auth.ErrCredential, v.UserHeader, maxVouched)
	}
	names := []string{user}
	if v.GroupsHeader != "" {
		for group := range strings.SplitSeq(strings.Join(r.Header.Values(v.GroupsHeader), ","), ",") {
			if group = strings.TrimSpace(group); group != "" && len(names) < maxGroups {
				names = append(names, group)
			}
		}
	}
	return people.Person{User: user, Role: v.Grants.Of(names...), How: people.ByProxy}, nil
}
