package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nightjar/internal/jobs"
)

const testToken = "0123456789abcdef"

// newServer is a Server whose node does not run: enough for everything but peers and content.
func newServer(t *testing.T) *Server {
	t.Helper()
	m := jobs.New(jobs.Config{})
	t.Cleanup(m.Close)
	return New(Config{Jobs: m, Token: testToken, Stop: func() {}})
}

// request is one that passes every check, changed by change.
func request(method, path, body string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	r.Host = "127.0.0.1:8888"
	r.Header.Set("Authorization", "Bearer "+testToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(r)
	}
	return r
}

// serve returns the status and, of a failure, the code.
func serve(t *testing.T, h http.Handler, r *http.Request) (status int, code string) {
	t.Helper()
	w := newRecorder()
	h.ServeHTTP(w, r)
	if w.Code/100 == 2 {
		return w.Code, ""
	}
	var body struct{ Error *Error }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error == nil {
		t.Fatalf("failure %d has the body %q", w.Code, w.Body)
	}
	return w.Code, body.Error.Code
}

// recorder takes deadlines as a connection does.
type recorder struct{ *httptest.ResponseRecorder }

func newRecorder() recorder { return recorder{httptest.NewRecorder()} }

func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

// Invariant 1.
func TestWhoMayCall(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"plain":                {nil, 200, ""},
		"localhost":            {host("localhost:8888"), 200, ""},
		"localhost, no port":   {host("localhost"), 200, ""},
		"tunnel":               {host("localhost:1234"), 200, ""},
		"IPv6":                 {host("[::1]:8888"), 200, ""},
		"same origin":          {header("Origin", "http://127.0.0.1:8888"), 200, ""},
		"fetch of our page":    {header("Sec-Fetch-Site", "same-origin"), 200, ""},
		"rebinding":            {host("evil.example:8888"), 403, "forbidden"},
		"a site of the proxy":  {host("site.localhost:8888"), 403, "forbidden"},
		"LAN":                  {host("192.168.1.2:8888"), 403, "forbidden"},
		"no host":              {host(""), 403, "forbidden"},
		"two ports":            {host("127.0.0.1:1:2"), 403, "forbidden"},
		"other origin":         {header("Origin", "http://evil.example"), 403, "forbidden"},
		"origin of a site":     {header("Origin", "http://site.localhost:8888"), 403, "forbidden"},
		"other port":           {header("Origin", "http://127.0.0.1:80"), 403, "forbidden"},
		"null origin":          {header("Origin", "null"), 403, "forbidden"},
		"empty origin":         {header("Origin", ""), 403, "forbidden"},
		"https origin":         {header("Origin", "https://127.0.0.1:8888"), 403, "forbidden"},
		"fetch of a site":      {header("Sec-Fetch-Site", "same-site"), 403, "forbidden"},
		"fetch from elsewhere": {header("Sec-Fetch-Site", "cross-site"), 403, "forbidden"},
		"no token":             {func(r *http.Request) { r.Header.Del("Authorization") }, 401, "unauthorized"},
		"wrong token":          {header("Authorization", "Bearer 0123456789abcdee"), 401, "unauthorized"},
		"part of the token":    {header("Authorization", "Bearer 0123456789abcde"), 401, "unauthorized"},
		"empty token":          {header("Authorization", "Bearer "), 401, "unauthorized"},
		"other scheme":         {header("Authorization", "Basic "+testToken), 401, "unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			status, code := serve(t, newServer(t), request("GET", "jobs", "", c.change))
			if status != c.status || code != c.code {
				t.Errorf("%d %q, want %d %q", status, code, c.status, c.code)
			}
		})
	}
}

func TestNoTokenConfiguredLetsNobodyIn(t *testing.T) {
	s := New(Config{Jobs: jobs.New(jobs.Config{})})
	r := request("GET", "jobs", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") })
	if status, _ := serve(t, s, r); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
}

// Invariant 1, for every route at once, those to come included.
func TestEveryRouteNeedsTheToken(t *testing.T) {
	s := newServer(t)
	for _, r := range s.routes() {
		path := strings.Replace(r.path, "{id}", "x", 1)
		status, _ := serve(t, s, request(r.method, path, "", func(r *http.Request) { r.Header.Del("Authorization") }))
		if r.open != (status == http.StatusOK) || !r.open && status != http.StatusUnauthorized {
			t.Errorf("%s %s without a token: %d", r.method, r.path, status)
		}
		status, _ = serve(t, s, request(r.method, path, "", func(r *http.Request) { r.Host = "evil.example" }))
		if status != http.StatusForbidden {
			t.Errorf("%s %s for another host: %d", r.method, r.path, status)
		}
	}
}

func TestAnswersAreUselessToBrowsers(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"jobs", "nothing"} {
		w := newRecorder()
		s.ServeHTTP(w, request("GET", path, "", nil))
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: no strict policy", path)
		}
	}
}

// Invariants 2 and 3.
func TestBadRequests(t *testing.T) {
	get := func(uri string) string { return `{"kind":"get","uri":"` + uri + `"}` }
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		status             int
		code               string
	}{
		"unknown path":    {method: "GET", path: "nothing", status: 404, code: "no_such_endpoint"},
		"the root":        {method: "GET", path: "", status: 404, code: "no_such_endpoint"},
		"unclean path":    {method: "GET", path: "jobs/", status: 404, code: "no_such_endpoint"},
		"wrong method":    {method: "DELETE", path: "jobs", status: 405, code: "method_not_allowed"},
		"unknown job":     {method: "GET", path: "jobs/x", status: 404, code: "no_such_job"},
		"cancel unknown":  {method: "DELETE", path: "jobs/x", status: 404, code: "no_such_job"},
		"feed unknown":    {method: "PUT", path: "jobs/x/data", status: 404, code: "no_such_job"},
		"drain unknown":   {method: "GET", path: "jobs/x/data", status: 404, code: "no_such_job"},
		"watch unknown":   {method: "GET", path: "jobs/x/events", status: 404, code: "no_such_job"},
		"no body":         {method: "POST", path: "jobs", status: 400, code: "bad_request"},
		"no JSON":         {method: "POST", path: "jobs", body: "x", status: 400, code: "bad_request"},
		"two values":      {method: "POST", path: "jobs", body: `{"kind":"put"}{}`, status: 400, code: "bad_request"},
		"unknown field":   {method: "POST", path: "jobs", body: `{"kind":"put","x":1}`, status: 400, code: "bad_request"},
		"unknown kind":    {method: "POST", path: "jobs", body: `{"kind":"x"}`, status: 400, code: "bad_request"},
		"negative time":   {method: "POST", path: "jobs", body: `{"kind":"put","timeout_ms":-1}`, status: 400, code: "bad_request"},
		"endless time":    {method: "POST", path: "jobs", body: `{"kind":"put","timeout_ms":9223372036854775807}`, status: 400, code: "bad_request"},
		"long name":       {method: "POST", path: "jobs", body: `{"kind":"put","name":"` + strings.Repeat("a", 256) + `"}`, status: 400, code: "bad_request"},
		"huge":            {method: "POST", path: "jobs", body: `{"kind":"` + strings.Repeat("a", maxJSON) + `"}`, status: 400, code: "bad_request"},
		"a form":          {"POST", "jobs", `{"kind":"put"}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400, "bad_request"},
		"bad URI":         {method: "POST", path: "jobs", body: get("CHK@x"), status: 400, code: "bad_uri"},
		"Hyphanet's key":  {method: "POST", path: "jobs", body: get(hyphanetKey), status: 400, code: "hyphanet_key"},
		"request target":  {method: "POST", path: "jobs", body: `{"kind":"put","target":"` + requestSSK + `"}`, status: 400, code: "bad_uri"},
		"CHK as a target": {method: "POST", path: "jobs", body: `{"kind":"put","target":"CHK@x"}`, status: 400, code: "bad_uri"},
		"bad reference":   {method: "POST", path: "peers", body: `{"ref":"nightjar-peer:AAAA"}`, status: 400, code: "bad_ref"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			status, code := serve(t, s, request(c.method, c.path, c.body, c.change))
			if status != c.status || code != c.code {
				t.Errorf("%d %q, want %d %q", status, code, c.status, c.code)
			}
			if n := len(s.cfg.Jobs.List()); n > 0 {
				t.Errorf("it made %d jobs", n)
			}
		})
	}
}

// A CHK of Hyphanet with its algorithm number 3, and the request URI of a made-up author.
const (
	hyphanetKey = "CHK@AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,AAMC--8"
	requestSSK  = "SSK@AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,AQBOAAE/doc"
)

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	w := newRecorder()
	newServer(t).ServeHTTP(w, request("PATCH", "jobs/x/data", "", nil))
	if got := w.Header().Get("Allow"); got != "GET, PUT" {
		t.Errorf("Allow: %q", got)
	}
}

// Invariant 3: every error in the table survives the way to the client.
func TestErrorsComeBackAsTheyWere(t *testing.T) {
	first := map[string]error{}
	for _, f := range failures() {
		e := newError(errors.Join(errors.New("while doing something"), f.err))
		if e.Code != f.code {
			t.Errorf("%v has the code %s, want %s", f.err, e.Code, f.code)
		}
		if first[f.code] == nil {
			first[f.code] = f.err
		}
		if !errors.Is(e, first[f.code]) {
			t.Errorf("%s does not come back as %v", f.code, first[f.code])
		}
		if f.status < 400 {
			t.Errorf("%s has the status %d", f.code, f.status)
		}
	}
	if e := newError(errors.New("odd")); e.Code != internalCode || e.Unwrap() != nil {
		t.Errorf("an error that nobody expected: %+v", e)
	}
}

func TestJobsOverHTTP(t *testing.T) {
	s := newServer(t)
	w := newRecorder()
	s.ServeHTTP(w, request("POST", "jobs", `{"kind":"put","name":"a.txt"}`, nil))
	var job Job
	if err := json.Unmarshal(w.Body.Bytes(), &job); err != nil || w.Code != 201 || job.State != jobs.Waiting || job.Name != "a.txt" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Location"); got != Prefix+"jobs/"+string(job.ID) {
		t.Errorf("Location: %s", got)
	}
	if status, code := serve(t, s, request("GET", "jobs/"+string(job.ID)+"/data", "", nil)); status != 409 || code != "wrong_state" {
		t.Errorf("draining a put: %d %s", status, code)
	}
	if status, _ := serve(t, s, request("DELETE", "jobs/"+string(job.ID), "", nil)); status != 202 {
		t.Errorf("cancel: %d", status)
	}
	if status, code := serve(t, s, request("PUT", "jobs/"+string(job.ID)+"/data", "", nil)); status != 410 || code != "cancelled" {
		t.Errorf("feeding a cancelled put: %d %s", status, code)
	}
}

func TestShutdownAsksTheNode(t *testing.T) {
	asked := 0
	s := New(Config{Jobs: jobs.New(jobs.Config{}), Token: testToken, Stop: func() { asked++ }})
	if status, _ := serve(t, s, request("POST", "shutdown", "", nil)); status != 202 || asked != 1 {
		t.Errorf("status %d, asked %d times", status, asked)
	}
}
