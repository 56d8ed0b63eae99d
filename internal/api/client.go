package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hotline/internal/fault"
)

// Client speaks to a running desk over its control socket. It is safe for
// concurrent use. Errors of the desk come back as the fault.Error that they
// were.
type Client struct {
	http *http.Client
	path string
}

// NewClient returns a client of the desk whose data is in dir.
func NewClient(dir string) *Client { return NewSocketClient(filepath.Join(dir, SocketName)) }

// NewSocketClient returns a client of the desk behind a control socket.
func NewSocketClient(path string) *Client {
	dialer := net.Dialer{}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
		MaxIdleConnsPerHost: 16,
	}}}
}

// Get reads the JSON answer to GET path into out.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.exchange(ctx, http.MethodGet, path, nil, nil, out)
}

// Post sends in as JSON, with an Idempotency-Key if key is not empty, and
// reads the answer into out, which may be nil.
func (c *Client) Post(ctx context.Context, path, key string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if key != "" {
		h.Set("Idempotency-Key", key)
	}
	return c.exchange(ctx, http.MethodPost, path, h, bytes.NewReader(body), out)
}

// Upload sends the bytes of a bundle.
func (c *Client) Upload(ctx context.Context, name, media string, body io.Reader) (Upload, error) {
	h := http.Header{"Content-Type": {"application/octet-stream"}, "X-Name": {url.PathEscape(name)}, "X-Media": {media}}
	var up Upload
	err := c.exchange(ctx, http.MethodPost, "/uploads", h, body, &up)
	return up, err
}

// Evidence gets a file of evidence, byte for byte.
func (c *Client) Evidence(ctx context.Context, path string, query url.Values) (f File, err error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	resp, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return f, err
	}
	defer resp.Body.Close()
	f.LeftOut, _ = strconv.Atoi(resp.Header.Get(leftOut))
	f.Removed, _ = strconv.Atoi(resp.Header.Get(removedTexts))
	if f.File, err = io.ReadAll(io.LimitReader(resp.Body, maxEvent)); err != nil {
		return f, fmt.Errorf("read evidence from desk: %w", err)
	}
	return f, nil
}

// Content opens a message's bundle. The caller closes it.
func (c *Client) Content(ctx context.Context, id string) (io.ReadCloser, error) {
	resp, err := c.do(ctx, http.MethodGet, "/messages/"+url.PathEscape(id)+"/stix", nil, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Events calls each with every event after the given one, in order, until ctx
// ends, each returns an error, or the desk says bye or goes away: then it
// returns nil with the last id seen, and the caller may resume from there.
// after == nil asks for a snapshot first.
func (c *Client) Events(ctx context.Context, after *uint64, each func(Event) error) (last uint64, err error) {
	path := "/events"
	if after != nil {
		last = *after
		path += "?after=" + strconv.FormatUint(*after, 10)
	}
	resp, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return last, err
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(make([]byte, 64<<10), maxEvent)
	var e Event
	for sc.Scan() {
		field, value, _ := strings.Cut(sc.Text(), ": ")
		switch field {
		case "id":
			if e.ID, err = strconv.ParseUint(value, 10, 63); err != nil {
				return last, fmt.Errorf("read event id: %w", err)
			}
		case "event":
			e.Kind = value
		case "data":
			e.Data = json.RawMessage(value)
		case "":
			if e.Kind == "bye" {
				return last, nil
			}
			if e.Kind != "" {
				if err := each(e); err != nil {
					return last, err
				}
				last = max(last, e.ID)
			}
			e = Event{}
		}
	}
	if ctx.Err() != nil {
		return last, ctx.Err()
	}
	if err := sc.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return last, fmt.Errorf("read events: %w", err)
	}
	return last, nil
}

// maxEvent is the largest event a client takes, in bytes: a snapshot of many
// long messages.
const maxEvent = 64 << 20

func (c *Client) exchange(ctx context.Context, method, path string, h http.Header, body io.Reader, out any) error {
	resp, err := c.do(ctx, method, path, h, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer of desk: %w", err)
	}
	return nil
}

// do asks, and turns an answer that is no success into a fault.
func (c *Client) do(ctx context.Context, method, path string, h http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://desk"+Prefix+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask desk: %w", err)
	}
	for k, v := range h {
		req.Header[k] = v
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	var p Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, MaxBody)).Decode(&p); err != nil || p.Msg == "" {
		return nil, fmt.Errorf("ask desk: answer with status %d", resp.StatusCode)
	}
	return nil, &fault.Error{Kind: fault.ParseKind(p.Kind), Msg: p.Msg, Hint: p.Hint, Err: errRef(p.Ref)}
}

// unreachable says why the desk did not answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fault.Wrap(err, fault.Unavailable, "No desk runs in this directory.").
			WithHint("start it with hotline desk run, or name another with --dir or HOTLINE_DIR")
	case errors.Is(err, os.ErrPermission):
		return fault.Wrap(err, fault.Denied, "The desk's control socket is not yours to use.").
			WithHint("ask as the user that runs the desk")
	case refused(err):
		return fault.Wrap(err, fault.Unavailable, "The desk in this directory has stopped.").
			WithHint("start it with hotline desk run")
	}
	return fault.Wrap(err, fault.Unavailable, "The desk did not answer.")
}

// errRef carries the reference of a problem, for -v.
type errRef string

func (e errRef) Error() string { return "reference " + string(e) }
