package api

import (
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
	"strings"
	"time"

	"nightjar/internal/api/datadir"
	"nightjar/internal/jobs"
)

// Client talks to the node of one data directory. Errors that the node reports are *Error; ErrNotRunning means that nothing answers.
type Client struct {
	base  string // "http://127.0.0.1:8888/api/v1/"
	token string
	http  *http.Client
}

const (
	connectTime = 5 * time.Second
	// continueTime is how long an upload waits to be told that its body is wanted before it sends it unasked.
	continueTime = time.Second
	maxAnswer    = 16 << 20 // more than the longest list of jobs
)

// Dial finds the node that runs in dir. It sends nothing: whether the node answers shows in the first call.
func Dial(dir datadir.Dir) (*Client, error) {
	e, err := dir.Endpoint()
	if errors.Is(err, datadir.ErrAbsent) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir.Path())
	}
	if err != nil {
		return nil, err
	}
	token, err := dir.Token()
	if errors.Is(err, datadir.ErrAbsent) {
		return nil, fmt.Errorf("%w in %s", ErrNotRunning, dir.Path())
	}
	if err != nil {
		return nil, err
	}
	return NewClient(strings.TrimSuffix(e.API, "/")+"/", token), nil
}

// NewClient returns a client of the API at base, which ends in Prefix. It never uses a proxy: the token must not leave the machine.
func NewClient(base, token string) *Client {
	dialer := net.Dialer{Timeout: connectTime}
	return &Client{base: base, token: token, http: &http.Client{
		Transport: &http.Transport{
			DialContext:           dialer.DialContext,
			DisableCompression:    true,
			ExpectContinueTimeout: continueTime,
			ReadBufferSize:        64 << 10,
			WriteBufferSize:       64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status describes the node.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, "GET", "status", nil)
}

// Unlock gives a locked node the passphrase of its store. The node works when Status says that it is open.
func (c *Client) Unlock(ctx context.Context, passphrase string) error {
	_, err := call[struct{}](ctx, c, "POST", "store/unlock", Passphrase{passphrase})
	return err
}

// Lock has the node close its store and wait for the passphrase. It has when Status says so.
func (c *Client) Lock(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, "POST", "store/lock", nil)
	return err
}

// SetPassphrase puts another passphrase in place of the old one; none is the empty one.
func (c *Client) SetPassphrase(ctx context.Context, p Passphrases) error {
	_, err := call[struct{}](ctx, c, "POST", "store/passphrase", p)
	return err
}

// SetQuota changes how many bytes the node's store may take on the disk. A store that becomes smaller takes its time: status shows it.
func (c *Client) SetQuota(ctx context.Context, quota int64) error {
	_, err := call[Quota](ctx, c, "POST", "store/quota", Quota{quota})
	return err
}

// Wipe has the node destroy the key of its store and end.
func (c *Client) Wipe(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, "POST", "store/wipe", nil)
	return err
}

// Ref is the node's reference line.
func (c *Client) Ref(ctx context.Context) (string, error) {
	r, err := call[Ref](ctx, c, "GET", "ref", nil)
	return r.Ref, err
}

// Peers lists the node's peers.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	p, err := call[Peers](ctx, c, "GET", "peers", nil)
	return p.Peers, err
}

// AddPeer connects the node to another one.
func (c *Client) AddPeer(ctx context.Context, ref string) error {
	_, err := call[Added](ctx, c, "POST", "peers", Ref{ref})
	return err
}

// Jobs lists the node's jobs in the order in which they were made.
func (c *Client) Jobs(ctx context.Context) ([]Job, error) {
	j, err := call[Jobs](ctx, c, "GET", "jobs", nil)
	return j.Jobs, err
}

// CreateJob makes a job; it begins when its data is uploaded or downloaded.
func (c *Client) CreateJob(ctx context.Context, r JobRequest) (Job, error) {
	return call[Job](ctx, c, "POST", "jobs", r)
}

// Job describes a job.
func (c *Client) Job(ctx context.Context, id jobs.ID) (Job, error) {
	return call[Job](ctx, c, "GET", "jobs/"+string(id), nil)
}

// Cancel cancels a job.
func (c *Client) Cancel(ctx context.Context, id jobs.ID) error {
	_, err := call[Job](ctx, c, "DELETE", "jobs/"+string(id), nil)
	return err
}

// Pause stops a queued job until it is resumed.
func (c *Client) Pause(ctx context.Context, id jobs.ID) (Job, error) {
	return call[Job](ctx, c, "POST", "jobs/"+string(id)+"/pause", nil)
}

// Resume has a queued job go on now.
func (c *Client) Resume(ctx context.Context, id jobs.ID) (Job, error) {
	return call[Job](ctx, c, "POST", "jobs/"+string(id)+"/resume", nil)
}

// SetPriority changes a queued job's priority.
func (c *Client) SetPriority(ctx context.Context, id jobs.ID, p string) (Job, error) {
	return call[Job](ctx, c, "POST", "jobs/"+string(id)+"/priority", Priority{p})
}

// Remove takes a final job from the list.
func (c *Client) Remove(ctx context.Context, id jobs.ID) error {
	_, err := call[Removed](ctx, c, "POST", "jobs/"+string(id)+"/remove", nil)
	return err
}

// Clear takes all final jobs from the list and returns how many there were.
func (c *Client) Clear(ctx context.Context) (int, error) {
	r, err := call[Removed](ctx, c, "POST", "jobs/clear", nil)
	return r.Jobs, err
}

// Sites lists the user's sites.
func (c *Client) Sites(ctx context.Context) (Sites, error) {
	return call[Sites](ctx, c, "GET", "sites", nil)
}

// Site describes one of them.
func (c *Client) Site(ctx context.Context, name string) (Site, error) {
	return call[Site](ctx, c, "GET", sitePath(name), nil)
}

// CreateSite draws an identity for a new site.
func (c *Client) CreateSite(ctx context.Context, name string) (Site, error) {
	return call[Site](ctx, c, "POST", "sites", SiteName{name})
}

// RemoveSite forgets a site and its key.
func (c *Client) RemoveSite(ctx context.Context, name string) error {
	_, err := call[SiteName](ctx, c, "DELETE", sitePath(name), nil)
	return err
}

// ExportSite is a site's key as text that the passphrase opens.
func (c *Client) ExportSite(ctx context.Context, name, passphrase string) (string, error) {
	s, err := call[SealedSite](ctx, c, "POST", sitePath(name)+"/export", SealedSite{Passphrase: passphrase})
	return s.Sealed, err
}

// ImportSite takes in what ExportSite returned.
func (c *Client) ImportSite(ctx context.Context, sealed, passphrase string) (Site, error) {
	return call[Site](ctx, c, "POST", "sites/import", SealedSite{Sealed: sealed, Passphrase: passphrase})
}

func sitePath(name string) string { return "sites/" + url.PathEscape(name) }

// Newest finds the newest edition of a site.
func (c *Client) Newest(ctx context.Context, uri string) (string, error) {
	u, err := call[URI](ctx, c, "POST", "newest", URI{uri})
	return u.URI, err
}

// Follow returns when a site has an edition newer than that in the URI, with the new one's URI.
func (c *Client) Follow(ctx context.Context, uri string) (string, error) {
	u, err := call[URI](ctx, c, "POST", "follow", URI{uri})
	return u.URI, err
}

// Verify makes the verify capability of what a URI names.
func (c *Client) Verify(ctx context.Context, uri string) (string, error) {
	u, err := call[URI](ctx, c, "POST", "verify", URI{uri})
	return u.URI, err
}

// Shutdown asks the node to stop and returns before it has.
func (c *Client) Shutdown(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, "POST", "shutdown", nil)
	return err
}

// call makes one small exchange: body, unless nil, is sent as JSON, the answer is read as a T.
func call[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var answer T
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer, fmt.Errorf("encode a request: %w", err)
		}
		r = bytes.NewReader(b)
	}
	req, err := c.request(ctx, method, path, r)
	if err != nil {
		return answer, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.do(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	return answer, decode(resp.Body, &answer)
}

func decode(r io.Reader, v any) error {
	if err := json.NewDecoder(io.LimitReader(r, maxAnswer)).Decode(v); err != nil {
		return fmt.Errorf("the node's answer is not understood: %w", err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("the node's address is not usable: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	return req, nil
}

// do sends a request; answers other than 2xx become errors.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(req.Context(), err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	var body struct{ Error *Error }
	if err := decode(resp.Body, &body); err != nil || body.Error == nil {
		// Whatever listens there is no node of ours: most likely the node was killed and its port taken over.
		return nil, fmt.Errorf("%w: something else answers at %s", ErrNotRunning, req.URL.Host)
	}
	if errors.Is(body.Error, ErrToken) {
		return nil, fmt.Errorf("%w here: another node answers at %s", ErrNotRunning, req.URL.Host)
	}
	return nil, body.Error
}

// transportError says whether there was no node, or one that went away. Texts of package http name the URL, which people need not see.
func (c *Client) transportError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w: %w", ErrNotRunning, op.Err)
	}
	return fmt.Errorf("%w: %w", ErrDropped, plain(err))
}

// plain is what is left of an error without the addresses and system calls around it, which say nothing to people.
func plain(err error) error {
	for {
		inner := errors.Unwrap(err)
		switch err.(type) {
		case *net.OpError, *os.SyscallError, *url.Error, *watchError:
			if inner == nil {
				return err
			}
			err = inner
		default:
			if inner == nil {
				return err
			}
			if _, ok := errors.AsType[*net.OpError](err); !ok {
				return err
			}
			err = inner // something around a network error, which would print it
		}
	}
}
