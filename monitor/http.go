package monitor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// MaxAnswer is the most bytes that are read of one answer.
const MaxAnswer = 512 << 20

const (
	maxHops   = 5         // redirects within one server
	maxRefuse = 16 << 10  // of an answer that is no success, kept in [StatusError]
	maxDrain  = 64 << 10  // read to its end so that the connection can be used again
	maxHeader = 256 << 10 // of an answer's header
	dialTime  = 10 * time.Second
)

// Client asks one monitoring system over HTTP. It logs in by Basic, by Digest
// where the server wants that (RFC 7616), or with a bearer token where there is a
// password and no user. It keeps no cookies, uses no proxy, and follows redirects
// within the same scheme, host and port only. What goes wrong is an [*Error].
// A Client may be used by several at once.
type Client struct {
	base           *url.URL
	user, password string
	trust          TLS
	http           *http.Client

	mu     sync.Mutex
	scheme string  // "Basic" or "Digest", once the server has told
	digest *digest // what it wants of Digest
}

// NewClient makes a client for opt.URL, which is http or https; else it is an
// [*OptionError]. It does no I/O. A kind that logs in by other means leaves out
// user and password.
func NewClient(opt Options) (*Client, error) {
	u, err := url.Parse(opt.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, &OptionError{Field: "url", Rule: "must begin with http:// or https:// and name a host", Value: redacted(opt.URL)}
	}
	c := &Client{base: u, user: opt.User, password: opt.Password, trust: opt.TLS}
	dial := &net.Dialer{Timeout: dialTime}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext: dial.DialContext,
			DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dial.DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return c.secure(ctx, conn, addr)
			},
			MaxIdleConns:           2,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Base is the URL that paths are relative to; it is not to be changed.
func (c *Client) Base() *url.URL { return c.base }

// Close gives idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is what a client sends.
type Request struct {
	Method string // GET if empty
	// Path is relative to the client's URL, or absolute on the same server; it may
	// have a query. Empty is the client's URL itself.
	Path   string
	Header http.Header // beside the login; Accept is application/json if not set
	Body   []byte
	// Max is the most bytes of the answer; 0 is [MaxAnswer].
	Max int64
	// HTML says that an answer may be a page for people.
	HTML bool
}

// Response is an answer with a status of 200 to 299. It must be closed.
type Response struct {
	Status int
	Header http.Header
	URL    *url.URL // what answered, after redirects
	// Body is read as it comes. What goes wrong is an [*Error]: the time that the
	// request's context allows is over, it is too long, it breaks off.
	Body io.Reader

	body io.ReadCloser
}

// Close ends the answer, read or not.
func (r *Response) Close() {
	_, _ = io.CopyN(io.Discard, r.body, maxDrain)
	_ = r.body.Close()
}

// Bytes is the whole body.
func (r *Response) Bytes() ([]byte, error) { return io.ReadAll(r.Body) }

// StatusError is the cause in an [*Error] where the server answered with a status
// that is no success.
type StatusError struct {
	Status int
	Header http.Header
	Body   []byte // its beginning
}

// Error is the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status))
}

// Get asks for a path; see [Request].
func (c *Client) Get(ctx context.Context, path string, header http.Header) (*Response, error) {
	return c.Do(ctx, &Request{Path: path, Header: header})
}

// Post sends a body to a path; see [Request].
func (c *Client) Post(ctx context.Context, path string, header http.Header, body []byte) (*Response, error) {
	return c.Do(ctx, &Request{Method: http.MethodPost, Path: path, Header: header, Body: body})
}

// Do sends a request and returns the answer's beginning; ctx bounds the whole of
// it, the reading of the body too.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	u, err := c.resolve(r.Path)
	if err != nil {
		return nil, err
	}
	for hop := 0; ; hop++ {
		resp, err := c.ask(ctx, r, u)
		if err != nil {
			return nil, err
		}
		next := c.redirect(r, resp)
		if next == nil || hop == maxHops {
			return c.judge(ctx, r, resp)
		}
		_ = resp.Body.Close()
		u = next
	}
}

// resolve finds the URL of a path. The login goes to no other server.
func (c *Client) resolve(path string) (*url.URL, error) {
	if path == "" {
		return c.base, nil
	}
	ref, err := url.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", c.base.Host, err)
	}
	u := *c.base
	if ref.IsAbs() {
		u = *ref
	} else {
		u.RawPath = strings.TrimRight(u.EscapedPath(), "/") + "/" + strings.TrimLeft(ref.EscapedPath(), "/")
		u.RawQuery = ref.RawQuery
		if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
			return nil, fmt.Errorf("asking %s: %w", c.base.Host, err)
		}
	}
	if !sameServer(&u, c.base) {
		return nil, fmt.Errorf("asking %s: %s is another server", c.base.Host, u.Host)
	}
	return &u, nil
}

func sameServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// ask sends a request to a URL, and once more with a login where the server asks
// for one, or for a fresh nonce.
func (c *Client) ask(ctx context.Context, r *Request, u *url.URL) (*http.Response, error) {
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, method(r), u.String(), bytes.NewReader(r.Body))
		if err != nil {
			return nil, fmt.Errorf("asking %s: %w", u.Host, err)
		}
		req.Header = r.Header.Clone()
		if req.Header == nil {
			req.Header = http.Header{}
		}
		req.Header.Set("User-Agent", "dotm")
		if req.Header.Get("Accept") == "" {
			req.Header.Set("Accept", "application/json")
		}
		sent := c.login(req)
		resp, err := c.http.Do(req)
		if err != nil {
			return nil, c.lost(ctx, err)
		}
		if resp.StatusCode != http.StatusUnauthorized || try == 2 || !c.challenged(resp, sent) {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
		_ = resp.Body.Close()
	}
}

func method(r *Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// login adds what the client logs in with to a request, and says what that was.
// The password is not sent in clear before the server has told that it doesn't
// want Digest.
func (c *Client) login(req *http.Request) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.user == "" && c.password == "":
		return ""
	case c.user == "":
		req.Header.Set("Authorization", "Bearer "+c.password)
		return "Bearer"
	case c.digest != nil:
		req.Header.Set("Authorization", c.digest.authorize(c.user, c.password, req.Method, req.URL.RequestURI()))
		return "Digest " + c.digest.nonce
	case c.scheme == "Basic" || req.URL.Scheme == "https":
		req.SetBasicAuth(c.user, c.password)
		return "Basic"
	}
	return "nothing"
}

// challenged learns from a 401 how the server wants a login; false if it had that
// and refused it. sent is what was tried.
func (c *Client) challenged(resp *http.Response, sent string) bool {
	if sent == "" || sent == "Bearer" {
		return false
	}
	list := challenges(resp.Header.Values("WWW-Authenticate"))
	d := newDigest(list)
	c.mu.Lock()
	defer c.mu.Unlock()
	if d != nil {
		before := c.digest
		c.digest = d
		// A nonce that was good before is old, whether the server says so or not.
		old := d.stale || (before != nil && before.count > 1)
		return !strings.HasPrefix(sent, "Digest ") || (old && sent != "Digest "+d.nonce)
	}
	c.digest = nil
	for _, one := range list {
		if one.scheme == "basic" && sent != "Basic" {
			c.scheme = "Basic"
			return true
		}
	}
	return false
}

// redirect is where an answer sends the client on, if it goes there.
func (c *Client) redirect(r *Request, resp *http.Response) *url.URL {
	if resp.StatusCode < 300 || resp.StatusCode > 399 || method(r) != http.MethodGet {
		return nil
	}
	if u, err := resp.Location(); err == nil && sameServer(u, c.base) {
		return u
	}
	return nil
}

// judge makes a Response of an answer, or an error that says what it means.
func (c *Client) judge(ctx context.Context, r *Request, resp *http.Response) (*Response, error) {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer func() { _ = resp.Body.Close() }()
		return nil, c.refused(resp)
	}
	limit := r.Max
	if limit == 0 {
		limit = MaxAnswer
	}
	body := bufio.NewReader(&answer{ctx: ctx, c: c, r: resp.Body, left: limit, limit: limit})
	if !r.HTML && isPage(resp.Header.Get("Content-Type"), body) {
		defer func() { _ = resp.Body.Close() }()
		text, _ := io.ReadAll(io.LimitReader(body, maxRefuse))
		return nil, c.page(resp.Request.URL, text)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, URL: resp.Request.URL, Body: body, body: resp.Body}, nil
}

// answer is a body that says what went wrong, for people.
type answer struct {
	ctx         context.Context
	c           *Client
	r           io.Reader
	left, limit int64
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left <= 0 {
		var one [1]byte
		if n, _ := a.r.Read(one[:]); n == 0 {
			return 0, io.EOF
		}
		return 0, &Error{Reason: TooLarge, Text: fmt.Sprintf("the answer of %s is longer than %d MiB", a.c.base.Host, a.limit>>20), Hint: "let the login see fewer hosts, or split them among several sources"}
	}
	n, err := a.r.Read(p[:min(int64(len(p)), a.left)])
	a.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = a.c.lost(a.ctx, err)
	}
	return n, err
}

// isPage says whether an answer is HTML: by its first character, since some
// systems send JSON as text/html.
func isPage(contentType string, body *bufio.Reader) bool {
	for n := 1; n <= 512; n++ {
		b, err := body.Peek(n)
		if err != nil {
			return false // empty, or broken: whoever reads it finds out
		}
		switch b[n-1] {
		case ' ', '\t', '\r', '\n':
		case '<':
			return true
		case '{', '[', '"':
			return false
		default:
			return strings.HasPrefix(strings.ToLower(contentType), "text/html")
		}
	}
	return false
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// phpSays are the words with which PHP puts what is wrong into an answer.
var phpSays = regexp.MustCompile(`(?is)<b>(?:fatal error|parse error|warning|notice|deprecated)</b>:\s*(.*?)(?: in <b>|<br|\n|$)`)

// page is the error for an answer that is a page for people.
func (c *Client) page(u *url.URL, text []byte) error {
	if m := phpSays.FindSubmatch(text); m != nil {
		return &Error{
			Reason: NotIt, Text: fmt.Sprintf("PHP at %s says: %s", shown(u), Clean(html.UnescapeString(string(m[1])), 200)),
			Hint: "mend that in its configuration or program; with display_errors off it only writes it into its log",
		}
	}
	what := "a page without a title"
	if m := titleTag.FindSubmatch(text); m != nil {
		what = fmt.Sprintf("the page %q", Clean(html.UnescapeString(string(m[1])), 120))
	}
	if loginPath(u) {
		return &Error{Reason: NoLogin, Text: fmt.Sprintf("%s leads to a login page, %s", c.base.Host, what), Hint: "give the URL of the interface for programs, and a login it accepts"}
	}
	return &Error{Reason: NotIt, Text: fmt.Sprintf("%s answers with HTML, %s", shown(u), what), Hint: "is the URL that of the monitoring system, and not of its start page or of a proxy before it?"}
}

var loginWords = regexp.MustCompile(`(?i)(log|sign)[-_]?(in|on)|oauth|sso|saml|/auth\b|/cas/`)

func loginPath(u *url.URL) bool { return loginWords.MatchString(u.Host + u.Path) }

// shown is a URL without its query, for people.
func shown(u *url.URL) string {
	s := *u
	s.RawQuery, s.Fragment, s.User = "", "", nil
	return Clean(s.String(), 200)
}

// refused is the error for a status that is no success.
func (c *Client) refused(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefuse))
	e := &Error{Err: &StatusError{Status: resp.StatusCode, Header: resp.Header, Body: body}}
	where := shown(resp.Request.URL)
	switch status := resp.StatusCode; {
	case status >= 300 && status <= 399:
		return c.sentOn(resp, e)
	case status == http.StatusUnauthorized && c.user == "" && c.password == "":
		e.Reason, e.Text, e.Hint = NoLogin, where+" wants a login", "set user and password"
	case status == http.StatusUnauthorized:
		e.Reason, e.Text, e.Hint = NoLogin, where+" refuses the login", "check user and password"
	case status == http.StatusForbidden:
		e.Reason, e.Text, e.Hint = NoRight, where+" may not be read by this login", "give it the right to, see docs/monitoring.md"
	case status == http.StatusNotFound || status == http.StatusGone:
		e.Reason, e.Text, e.Hint = NotThere, "there is nothing at "+where, "check the path in url"
	case status == http.StatusBadRequest && c.base.Scheme == "http" && plainOnTLS.Match(body):
		e.Reason, e.Text, e.Hint = NotThere, c.base.Host+" speaks TLS", "begin url with https://"
	case status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout:
		e.Reason, e.Text, e.Hint = NotRunning, where+" is not ready", "a proxy stands there, and what is behind it does not run or not answer"
	default:
		e.Reason, e.Text, e.Hint = NotIt, where+" fails", "look into its log"
	}
	return e
}

var plainOnTLS = regexp.MustCompile(`(?i)HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL`)

// sentOn is the error for a redirect that is not followed.
func (c *Client) sentOn(resp *http.Response, e *Error) error {
	to, err := resp.Location()
	switch {
	case err != nil:
		e.Reason, e.Text, e.Hint = NotIt, c.base.Host+" redirects to nowhere", "look into its log"
	case loginPath(to):
		e.Reason, e.Text, e.Hint = NoLogin, c.base.Host+" redirects to a login page at "+shown(to), "give the URL of the interface for programs, and a login it accepts"
	case to.Scheme == "https" && c.base.Scheme == "http" && strings.EqualFold(to.Hostname(), c.base.Hostname()):
		e.Reason, e.Text, e.Hint = NotThere, c.base.Host+" redirects to https", "begin url with https://"
	case sameServer(to, c.base):
		e.Reason, e.Text, e.Hint = NotThere, c.base.Host+" redirects to "+shown(to), "set url to where it really is"
	default:
		e.Reason, e.Text, e.Hint = NotThere, c.base.Host+" redirects to another server, "+shown(to), "if that is the right one, set url to it; the login is not sent there by itself"
	}
	return e
}

// secure makes a connection one that is encrypted, with somebody to be trusted.
// The CA file is read each time, so that a new one is used at once.
func (c *Client) secure(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	conf, err := c.trust.Config(addr)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	secured := tls.Client(conn, conf)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}
