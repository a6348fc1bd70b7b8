package monitor

import (
	"crypto/md5" //nolint:gosec // RFC 7616 has it, and servers know nothing else
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// challenge is one way to log in that a server offers (RFC 9110, 11.6.1).
type challenge struct {
	scheme string // in lower case
	params map[string]string
}

// challenges reads the values of WWW-Authenticate: each may hold several, whose
// parameters are separated as they themselves are, by commas.
func challenges(values []string) (list []challenge) {
	for _, v := range values {
		for v != "" {
			var word string
			v = strings.TrimLeft(v, " \t,")
			if word, v = cutToken(v); word == "" {
				break
			}
			rest := strings.TrimLeft(v, " \t")
			if !strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "==") {
				list = append(list, challenge{strings.ToLower(word), map[string]string{}})
				v = skipToken68(v)
				continue
			}
			var value string
			value, v = cutValue(strings.TrimLeft(rest[1:], " \t"))
			if len(list) > 0 {
				list[len(list)-1].params[strings.ToLower(word)] = value
			}
		}
	}
	return list
}

const tokenEnd = " \t,=\""

func cutToken(s string) (token, rest string) {
	if i := strings.IndexAny(s, tokenEnd); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// skipToken68 leaves out what follows a scheme and is no parameter: "Negotiate
// YWJj==, ...".
func skipToken68(s string) string {
	trimmed := strings.TrimLeft(s, " \t")
	word, rest := cutToken(trimmed)
	pad := strings.TrimLeft(rest, "=")
	if word != "" && (pad == "" || pad[0] == ',') {
		return pad
	}
	return trimmed
}

// cutValue takes a token or a quoted string.
func cutValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		return cutToken(s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			if i++; i == len(s) {
				return b.String(), ""
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// digest is a login by Digest (RFC 7616), as a server wants it.
type digest struct {
	realm, nonce, opaque, algorithm string
	hasOpaque                       bool
	qop                             string // "auth", or empty as in RFC 2069
	userhash, stale                 bool
	sess                            bool
	hash                            func() hash.Hash
	count                           uint32        // of requests with this nonce
	random                          func() string // makes a client nonce
}

// algorithms are those that can be done, the strongest first.
var algorithms = []struct {
	name string
	hash func() hash.Hash
}{{"SHA-512-256", sha512.New512_256}, {"SHA-256", sha256.New}, {"MD5", md5.New}}

// newDigest takes the strongest Digest of what a server offers; nil if there is
// none that can be done.
func newDigest(list []challenge) *digest {
	for _, a := range algorithms {
		for _, one := range list {
			name := one.params["algorithm"]
			if name == "" {
				name = "MD5"
			}
			base, sess := strings.CutSuffix(strings.ToUpper(name), "-SESS")
			qop, can := pickQop(one.params["qop"])
			if one.scheme != "digest" || base != a.name || !can {
				continue
			}
			opaque, has := one.params["opaque"]
			return &digest{
				realm: one.params["realm"], nonce: one.params["nonce"], opaque: opaque, hasOpaque: has, algorithm: one.params["algorithm"], qop: qop,
				userhash: strings.EqualFold(one.params["userhash"], "true"), stale: strings.EqualFold(one.params["stale"], "true"),
				sess: sess, hash: a.hash, random: rand.Text,
			}
		}
	}
	return nil
}

// pickQop takes "auth" of a list; a server that wants auth-int only can't be used.
func pickQop(list string) (qop string, can bool) {
	if list == "" {
		return "", true
	}
	words := strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' })
	return "auth", slices.Contains(words, "auth")
}

func (d *digest) sum(parts ...string) string {
	h := d.hash()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}

// authorize is the value of Authorization for one request.
func (d *digest) authorize(user, password, method, uri string) string {
	d.count++
	nc, cnonce := fmt.Sprintf("%08x", d.count), d.random()
	ha1 := d.sum(user, d.realm, password)
	if d.sess {
		ha1 = d.sum(ha1, d.nonce, cnonce)
	}
	response := d.sum(ha1, d.nonce, d.sum(method, uri))
	if d.qop != "" {
		response = d.sum(ha1, d.nonce, nc, cnonce, d.qop, d.sum(method, uri))
	}
	name := user
	if d.userhash {
		name = d.sum(user, d.realm)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username=%s, realm=%s, nonce=%s, uri=%s, response="%s"`, quoted(name), quoted(d.realm), quoted(d.nonce), quoted(uri), response)
	if d.algorithm != "" {
		b.WriteString(", algorithm=" + d.algorithm)
	}
	if d.hasOpaque {
		b.WriteString(", opaque=" + quoted(d.opaque))
	}
	if d.qop != "" || d.sess {
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s"`, nc, cnonce)
	}
	if d.userhash {
		b.WriteString(", userhash=true")
	}
	return b.String()
}

// quoted is a quoted string of HTTP.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
