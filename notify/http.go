package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	maxAnswer = 4 << 10 // read of an answer, to quote it
	maxQuote  = 200
)

// Config is how to speak TLS with host; it reads the CA file, each time, so that a
// new one needs no restart.
func (t *TLS) Config(host string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, InsecureSkipVerify: t.SkipVerify} //nolint:gosec // only if asked
	if t.ServerName != "" {
		conf.ServerName = t.ServerName
	}
	if t.CAFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("tls.ca_file can't be read: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls.ca_file %s holds no certificate in PEM", t.CAFile)
	}
	return conf, nil
}

// Post sends a JSON body to an address of a receiver, with its login. It follows no
// redirect: who is told is who was configured. An answer that would be the same
// again is a [*Refused].
func (o *Options) Post(ctx context.Context, address string, body []byte, header http.Header) error {
	conf, err := o.TLS.Config("")
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return &Refused{withoutAddress(err)}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "dotm")
	switch {
	case o.User != "":
		req.SetBasicAuth(o.User, o.Password)
	case o.Password != "":
		req.Header.Set("Authorization", "Bearer "+o.Password)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", req.URL.Host, withoutAddress(err))
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	return judge(resp)
}

// withoutAddress is an error of a request without its address: with many services
// the path is the secret, and viewers read why nobody is told.
func withoutAddress(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func judge(resp *http.Response) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	text := resp.Status
	if quote := strings.ToValidUTF8(Line(string(answer)), "?"); quote != "" {
		text += ": " + quote[:min(len(quote), maxQuote)]
	}
	err := errors.New("it answered " + text)
	switch {
	case resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500:
		return err
	}
	return &Refused{err}
}
