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
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// sendTimeout bounds one delivery, connection and answer included.
const sendTimeout = 10 * time.Second

// maxAnswer bounds what is read of a server's refusal.
const maxAnswer = 64 << 10

// HTTPSender sends reports to a server, one at a time.
type HTTPSender struct {
	url     string
	client  *http.Client
	sending sync.Mutex
	encoder report.Encoder
}

var _ Sender = (*HTTPSender)(nil)

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
			Timeout: sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return errors.New("server redirects, which a dotm server never does: check its address")
			},
		},
	}, nil
}

// Send delivers one report, gzipped.
func (s *HTTPSender) Send(ctx context.Context, r *report.Report) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	var body bytes.Buffer
	if err := s.encoder.Encode(&body, r); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, &body)
	if err != nil {
		return fmt.Errorf("addressing server: %w", err)
	}
	req.Header.Set("Content-Type", "application/gzip")
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("reaching server: %w (is dotm running there?)", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to lose
	if resp.StatusCode/100 == 2 {
		return nil
	}
	return refused(resp)
}

// refused puts a server's problem document (RFC 9457) into an error.
func refused(resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	var problem struct{ Title, Detail string }
	if json.Unmarshal(raw, &problem) != nil || problem.Detail == "" {
		return fmt.Errorf("server answers %s, which is not what a dotm server says: check its address", resp.Status)
	}
	return fmt.Errorf("server refuses the report: %s", problem.Detail)
}
