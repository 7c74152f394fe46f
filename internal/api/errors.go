package api

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/link"
	"nightjar/internal/node"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/vault"
)

var (
	// ErrRequest reports a request that the API does not understand.
	ErrRequest = errors.New("bad request")
	// ErrToken reports a missing or wrong token.
	ErrToken = errors.New("the API token is missing or wrong")
	// ErrForeign reports a request that comes from, or believes it goes to, another site.
	ErrForeign = errors.New("requests from other sites are refused")
	// ErrNoEndpoint reports a path that the API does not have.
	ErrNoEndpoint = errors.New("no such endpoint")
	// ErrMethod reports a method that the path does not have.
	ErrMethod = errors.New("the endpoint does not have this method")
	// ErrUnreachable reports a peer that could not be connected to.
	ErrUnreachable = errors.New("the peer cannot be reached")
	// ErrDropped reports a transfer whose other side went away.
	ErrDropped = errors.New("the connection broke in the middle of the transfer")
	// ErrLocked reports a node that waits for the passphrase of its store.
	ErrLocked = errors.New("the store is locked with a passphrase")
	// ErrPassphrase reports a wrong passphrase.
	ErrPassphrase = errors.New("the passphrase is wrong")
	// ErrNoPassphrase reports a store that has none.
	ErrNoPassphrase = errors.New("the store has no passphrase")
	// ErrWiped reports a store whose key was destroyed.
	ErrWiped = errors.New("the key of the store was destroyed")
	// ErrNotRunning reports that no node runs in the data directory.
	ErrNotRunning = errors.New("no node is running")
)

// failure is one line of the table that maps errors to what the API says of them.
type failure struct {
	code   string
	status int
	err    error // what the server recognises, and what the client's Error unwraps to
}

// internalCode is the code of an error that the table does not have.
const internalCode = "internal"

// failures is the table; the first line that fits an error counts. Several errors may share a code: the first of them is
// what the client gets back.
func failures() []failure {
	return append(keyFailures(), []failure{
		{"unauthorized", http.StatusUnauthorized, ErrToken},
		{"forbidden", http.StatusForbidden, ErrForeign},
		{"no_such_endpoint", http.StatusNotFound, ErrNoEndpoint},
		{"method_not_allowed", http.StatusMethodNotAllowed, ErrMethod},
		{"no_such_job", http.StatusNotFound, jobs.ErrNoJob},
		{"wrong_state", http.StatusConflict, jobs.ErrState},
		{"busy", http.StatusTooManyRequests, jobs.ErrBusy},
		{"queue_full", http.StatusTooManyRequests, jobs.ErrQueueFull},
		{"no_queue", http.StatusNotImplemented, jobs.ErrNoQueue},
		{"target_taken", http.StatusConflict, jobs.ErrTarget},
		{"disk_full", http.StatusInsufficientStorage, jobs.ErrDiskFull},
		{"disk_full", http.StatusInsufficientStorage, vault.ErrFull},
		{"changed", http.StatusConflict, jobs.ErrChanged},
		{"changed", http.StatusConflict, content.ErrChanged},
		{"damaged", http.StatusInternalServerError, jobs.ErrDamaged},
		{"conflict", http.StatusConflict, content.ErrConflict},
		{"no_such_site", http.StatusNotFound, sites.ErrNoSite},
		{"bad_site_name", http.StatusBadRequest, sites.ErrName},
		{"site_exists", http.StatusConflict, sites.ErrTaken},
		{"site_damaged", http.StatusInternalServerError, sites.ErrDamaged},
		{"not_sealed", http.StatusForbidden, sites.ErrSealed},
		{"verify_only", http.StatusBadRequest, content.ErrVerifyOnly},
		{"stopping", http.StatusServiceUnavailable, jobs.ErrClosed},
		{"stopping", http.StatusServiceUnavailable, node.ErrStopped},
		{"cancelled", http.StatusGone, jobs.ErrCancelled},
		{"abandoned", http.StatusGone, jobs.ErrAbandoned},
		{"no_circuit", http.StatusServiceUnavailable, node.ErrNoCircuit}, // says more than that time ran out
		{"timeout", http.StatusGatewayTimeout, jobs.ErrTimeout},
		{"timeout", http.StatusGatewayTimeout, context.DeadlineExceeded},
		{"hyphanet_key", http.StatusBadRequest, keys.ErrHyphanetKey},
		{"bad_uri", http.StatusBadRequest, keys.ErrBadURI},
		{"bad_ref", http.StatusBadRequest, wire.ErrBadDescriptor},
		{"bad_name", http.StatusBadRequest, foldertar.ErrName},
		{"bad_folder", http.StatusBadRequest, foldertar.ErrPath},
		{"bad_folder", http.StatusBadRequest, foldertar.ErrEntry},
		{"bad_folder", http.StatusBadRequest, foldertar.ErrStream},
		{"bad_folder", http.StatusBadRequest, content.ErrBadPath},
		{"bad_folder", http.StatusBadRequest, jobs.ErrEmpty},
		{"bad_type", http.StatusBadRequest, content.ErrBadType},
		{"dropped", http.StatusBadRequest, ErrDropped},
		{"no_entry", http.StatusNotFound, content.ErrNoEntry},
		{"not_found", http.StatusNotFound, content.ErrNotFound},
		{"too_many_blocks", http.StatusRequestEntityTooLarge, content.ErrTooMany},
		{"too_large", http.StatusRequestEntityTooLarge, content.ErrTooLarge},
		{"malformed", http.StatusBadGateway, content.ErrMalformed},
		{"malformed", http.StatusBadGateway, keys.ErrWrongKey},
		{"no_peers", http.StatusServiceUnavailable, node.ErrNoPeers},
		{"no_answer", http.StatusBadGateway, node.ErrNoAnswer},
		{"not_stored", http.StatusBadGateway, node.ErrNotStored},
		{"store_full", http.StatusInsufficientStorage, store.ErrFull},
		{"peer_identity", http.StatusBadGateway, link.ErrAuth},
		{"peer_unreachable", http.StatusBadGateway, ErrUnreachable},
		{"bad_request", http.StatusBadRequest, ErrRequest},
		{"bad_request", http.StatusBadRequest, jobs.ErrSpec},
		{"no_such_path", http.StatusNotFound, fs.ErrNotExist},
		{"no_permission", http.StatusForbidden, fs.ErrPermission},
	}...)
}

// keyFailures are those of the key of the store.
func keyFailures() []failure {
	return []failure{
		{"locked", http.StatusLocked, ErrLocked},
		{"wrong_passphrase", http.StatusForbidden, ErrPassphrase},
		{"no_passphrase", http.StatusConflict, ErrNoPassphrase},
		{"wiped", http.StatusGone, ErrWiped},
	}
}

// classify finds what the API says of an error.
func classify(err error) failure {
	for _, f := range failures() {
		if errors.Is(err, f.err) {
			return f
		}
	}
	return failure{internalCode, http.StatusInternalServerError, nil}
}

// Error is a failure that the node reported. errors.Is finds the node's own sentinel in it: content.ErrNotFound, jobs.ErrTimeout.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Unwrap is the sentinel that belongs to the code, or nil.
func (e *Error) Unwrap() error {
	for _, f := range failures() {
		if f.code == e.Code {
			return f.err
		}
	}
	return nil
}

func newError(err error) *Error { return &Error{Code: classify(err).code, Message: err.Error()} }
