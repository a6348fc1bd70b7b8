package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// sendTimeout bounds one delivery, connection and answer included.
const sendTimeout = 10 * time.Second

// maxAnswer bounds what is read of a server's refusal.
const maxAnswer = 64 << 10

// Doer makes requests; [*http.Client] does, and so does what adds an identity.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// HTTPSender sends reports to a server.
type HTTPSender struct {
	url    string
	client *http.Client
	via    Doer // instead of client, if it is set

	sending sync.Mutex // one whole report at a time
	encoder report.Encoder
}

var _ Exchanger = (*HTTPSender)(nil)

// NewHTTPSender checks the server's address, "http://host:port" with an
// optional path prefix.
func NewHTTPSender(server string) (*HTTPSender, error) {
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("server must be an address like http://127.0.0.1:4849, is %q", server)
	}
	u.RawQuery, u.Fragment = "", ""
	return &HTTPSender{
		url: strings.TrimSuffix(u.String(), "/") + "/api/v1/reports",
		client: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("server redirects, which a dotm server never does: check its address")
			},
		},
	}, nil
}

// Via lets d make the requests; what it says of errors is for people already.
func (s *HTTPSender) Via(d Doer) *HTTPSender {
	s.via = d
	return s
}

// do makes a request.
func (s *HTTPSender) do(req *http.Request) (*http.Response, error) {
	if s.via != nil {
		resp, err := s.via.Do(req)
		if err != nil {
			return nil, fmt.Errorf("reaching server: %w", err)
		}
		return resp, nil
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reaching server: %w (is dotm running there?)", err)
	}
	return resp, nil
}

// Send delivers one report, gzipped.
func (s *HTTPSender) Send(ctx context.Context, r *report.Report) error {
	_, err := s.Exchange(ctx, r, nil)
	return err
}

// post makes the request, and reads the answer.
func (s *HTTPSender) post(ctx context.Context, kind string, body io.Reader) (*report.Policy, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, body)
	if err != nil {
		return nil, fmt.Errorf("addressing server: %w", err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := s.do(req)
	if err != nil {
		return nil, notReached(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode/100 == 2 {
		return policyOf(resp), nil
	}
	return nil, refused(resp)
}

// refused puts a server's problem document (RFC 9457) into an error.
func refused(resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	var problem struct{ Type, Title, Detail string }
	if bytes.Contains(raw, []byte("HTTP request to an HTTPS server")) { // what net/http says
		return errors.New("server speaks TLS: its address must begin with https://")
	}
	if json.Unmarshal(raw, &problem) != nil || problem.Detail == "" {
		return laterError(fmt.Errorf("server answers %s, which is not what a dotm server says: check its address", resp.Status), resp)
	}
	err := laterError(fmt.Errorf("server refuses the report: %s", problem.Detail), resp)
	if resp.StatusCode/100 != 4 {
		return err // it may have taken it in all the same
	}
	return &notTaken{error: err, answered: aboutReport(resp.StatusCode), whole: problem.Type == report.WholeWanted}
}

// maxRetryAfter bounds for how long a server may tell an agent to stay away.
const maxRetryAfter = 10 * time.Minute

// awayError is the error of a server that says when to try again.
type awayError struct {
	error
	after time.Duration
}

// Unwrap gives the reason.
func (e *awayError) Unwrap() error { return e.error }

// laterError adds what an answer says about when to try again (RFC 9110, 10.2.3).
func laterError(err error, resp *http.Response) error {
	seconds, no := strconv.Atoi(resp.Header.Get("Retry-After"))
	if no != nil || seconds <= 0 {
		return err
	}
	return &awayError{err, min(time.Duration(min(seconds, 1e6))*time.Second, maxRetryAfter)}
}

// aboutReport says whether a status is about what was sent: who sent it, and how
// often, is no better in another form.
func aboutReport(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusTooManyRequests:
		return false
	}
	return true
}
