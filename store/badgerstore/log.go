package badgerstore

import (
	"log/slog"
	"strings"
)

// quiet passes on what Badger says without what it says it about: the text of the format, which is a constant, and never
// the arguments, which are keys, paths and file names.
type quiet struct{ log *slog.Logger }

func (q quiet) Errorf(format string, _ ...any)   { q.debug("error", format) }
func (q quiet) Warningf(format string, _ ...any) { q.debug("warning", format) }
func (q quiet) Infof(string, ...any)             {}
func (q quiet) Debugf(string, ...any)            {}

func (q quiet) debug(level, format string) {
	q.log.Debug("badger", "level", level, "text", strings.TrimSpace(format))
}

// warn says that something went wrong, and only at debug what: errors of the system name paths.
func (s *Store) warn(what string, err error) {
	s.cfg.Log.Warn(what)
	s.cfg.Log.Debug(what, "err", err)
}
