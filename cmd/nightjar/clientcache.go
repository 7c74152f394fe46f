package main

import (
	"path/filepath"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/store/clientcache"
)

// openClientCache opens the cache of what the user reads, or removes what is left of one. A node that cannot keep it works without.
func (d *daemon) openClientCache() {
	dir := filepath.Join(d.cfg.dir.Path(), "client")
	var err error
	if d.cfg.cache == 0 {
		err = clientcache.Remove(dir)
	} else {
		d.cache, err = clientcache.Open(clientcache.Config{Dir: dir, Size: d.cfg.cache, Log: d.log})
	}
	if err != nil {
		d.log.Warn("what is read is not kept for a second time", "err", err)
	}
}

// shelf is where blocks are kept that were read of what a URI belongs to; nil = nowhere.
func (d *daemon) shelf() func(keys.URI) content.Shelf {
	if d.cache == nil {
		return nil
	}
	return func(uri keys.URI) content.Shelf { return d.cache.Of(uri) }
}

// closeClientCache forgets all that was read. Nobody reads any more.
func (d *daemon) closeClientCache() error {
	if d.cache == nil {
		return nil
	}
	return d.cache.Close()
}
