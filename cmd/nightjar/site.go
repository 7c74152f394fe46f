package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/node"
	"nightjar/keys"
)

func newSiteCmd(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "site",
		Short: "Publish folders as sites that can be updated",
		Long: `Publish a folder as a site: under one URI that always leads to its newest edition. Whoever has the site's key can publish; the node keeps it,
encrypted, on its disk, and you can take a copy that only a passphrase opens. Nobody who reads can tell who you are, or which other sites are yours.`,
		Example: `  nightjar site init blog
  nightjar site publish blog ~/my-site
  nightjar site export blog -o blog.key`,
	}, newSiteInitCmd(e), newSitePublishCmd(e), newSiteListCmd(e), newSiteStatusCmd(e), newSiteExportCmd(e), newSiteImportCmd(e), newSiteRemoveCmd(e),
		newSiteFollowCmd(e))
}

func newSiteInitCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "init NAME",
		Short: "Make a new site, and print its URI",
		Long: `Draw the key of a new site and print the URI that will always lead to its newest edition. Nothing is published yet. The name is a part of the URI;
it is no secret, and need not be unlike other people's. The key is on this machine alone: take a copy with nightjar site export.`,
		Example: `  nightjar site init blog`,
		Args:    oneArg("a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				s, err := c.CreateSite(ctx, args[0])
				if err != nil {
					return during(err, "make the site %s", args[0])
				}
				return e.printSite(s)
			})
		},
	}
}

// printSite prints what a command that makes a site has to say.
func (e *env) printSite(s api.Site) error {
	if e.json {
		return e.printJSON(s)
	}
	return e.println(s.URI + "/")
}

// published is what site publish prints as JSON.
type published struct {
	Edition    int64  `json:"edition"`
	EditionURI string `json:"edition_uri"`
	URI        string `json:"uri"`
	Size       uint64 `json:"size"`
}

func newSitePublishCmd(e *env) *cobra.Command {
	var req api.JobRequest
	var detach bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "publish NAME [FOLDER]",
		Short: "Publish a folder as the next edition of a site",
		Long: `Publish a folder as the next edition of a site: only what has changed since the last one is inserted. It prints two URIs: that of this edition, which
never changes, and that which always leads to the newest one, which is for links and bookmarks. Without FOLDER it takes the one from last time.
index.html is the front page.

If somebody else who has the key has published meanwhile, nothing is overwritten: the command says which edition is there, and, given again, publishes
the one after it.

` + detachHelp,
		Example: `  nightjar site publish blog ~/my-site
  nightjar site publish blog`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage(cmd, "%s needs the name of a site, and a folder", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout < 0 {
				return usage(cmd, "--timeout must not be negative")
			}
			if err := checkInsertFlags(cmd, req.Queueing); err != nil {
				return err
			}
			req.Kind, req.Site, req.TimeoutMS = jobs.Put, args[0], timeout.Milliseconds()
			folder := ""
			if len(args) == 2 {
				folder = args[1]
			}
			return during(e.publish(cmd.Context(), req, folder, detach), "publish the site %s", args[0])
		},
	}
	registerInsertFlags(cmd.Flags(), &req.Queueing)
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this time (default: never)")
	registerDetach(cmd.Flags(), &detach)
	return cmd
}

func (e *env) publish(ctx context.Context, req api.JobRequest, folder string, detach bool) error {
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		site, err := c.Site(ctx, req.Site)
		if err != nil {
			return err
		}
		switch {
		case folder != "":
			req.Path, err = filepath.Abs(folder)
		case site.Folder == "":
			err = errNoFolder
		default:
			req.Path = site.Folder
		}
		if err != nil {
			return err
		}
		e.warnOfNames(ctx, req.Path, req.Hidden)
		if detach {
			return e.detach(ctx, c, req)
		}
		job, err := e.attend(ctx, c, req, nil)
		if err != nil {
			return err
		}
		u, err := keys.ParseURI(job.URI)
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(published{u.Edition, job.URI, site.URI, job.Size})
		}
		return e.println("edition " + job.URI + "/\nnewest  " + site.URI + "/")
	})
}

// errNoFolder reports a site that was never published from here.
var errNoFolder = errors.New("it was not published from here yet: say which folder")

func newSiteListCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List your sites",
		Long:  "List your sites: the name, the newest edition that this node knows of, when it was published from here last, and the URI of the newest.",
		Example: `  nightjar site list
  nightjar site list --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				all, err := c.Sites(ctx)
				if err != nil {
					return during(err, "list the sites")
				}
				if all.Trouble != "" {
					e.notice("warning: %s", oneLineOf(all.Trouble))
				}
				if e.json {
					return e.printJSON(all)
				}
				t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
				for _, s := range all.Sites {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s/\n", oneLine(s.Name), editionText(s.Edition), dayText(s.Published), s.URI)
				}
				return t.Flush()
			})
		},
	}
}

func editionText(n int64) string {
	if n < 0 {
		return "no edition"
	}
	return fmt.Sprintf("edition %d", n)
}

func filesText(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func dayText(day string) string {
	if day == "" {
		return "-"
	}
	return day
}

// siteStatus is what site status prints as JSON.
type siteStatus struct {
	api.Site
	Found    int64  `json:"found"` // newest edition in the network; -1 = none was found
	FoundURI string `json:"found_uri,omitempty"`
}

func newSiteStatusCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "status NAME",
		Short: "Show what is known of a site, and what readers find",
		Long:  "Show what this node knows of one of your sites, and ask the network, as a reader does, which edition is the newest there.",
		Example: `  nightjar site status blog
  nightjar site status blog --json`,
		Args: oneArg("the name of a site"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				return during(e.siteStatus(ctx, c, args[0]), "look at the site %s", args[0])
			})
		},
	}
}

func (e *env) siteStatus(ctx context.Context, c *api.Client, name string) error {
	site, err := c.Site(ctx, name)
	if err != nil {
		return err
	}
	s := siteStatus{Site: site, Found: -1}
	s.FoundURI, err = c.Newest(ctx, site.URI)
	if err != nil && !errors.Is(err, content.ErrNotFound) && !errors.Is(err, node.ErrNoPeers) {
		return err
	}
	if u, err := keys.ParseURI(s.FoundURI); err == nil {
		s.Found = u.Edition
	}
	if e.json {
		return e.printJSON(s)
	}
	t := tabwriter.NewWriter(e.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "name\t%s\n", oneLine(s.Name))
	fmt.Fprintf(t, "uri\t%s/\n", s.URI)
	fmt.Fprintf(t, "known here\t%s\n", editionText(s.Edition))
	fmt.Fprintf(t, "readers find\t%s\n", editionText(s.Found))
	if s.Published != "" {
		fmt.Fprintf(t, "published\t%s, %s, %s, from %s\n", s.Published, filesText(s.Files), byteSize(s.Size), oneLineOf(s.Folder))
	}
	return t.Flush()
}

func newSiteRemoveCmd(e *env) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Forget a site and its key for good",
		Long: `Forget a site and its key. What was published stays in the network as long as any content does. Without a copy of the key
(nightjar site export) nobody can ever publish under the site's URI again, you included.`,
		Example: `  nightjar site remove blog --yes`,
		Args:    oneArg("the name of a site"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return usage(cmd, "the key of %s would be gone for good; if that is what you want, add --yes", args[0])
			}
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				return during(c.RemoveSite(ctx, args[0]), "remove the site %s", args[0])
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really remove it")
	return cmd
}

func newSiteFollowCmd(e *env) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "follow NAME|URI",
		Short: "Wait for new editions of a site, and print their URIs",
		Long: `Wait for editions of a site that are newer than the URI says, and print the URI of each as it appears, until it is interrupted. It may be a site of
somebody else; of a URI with -1 the present edition is printed first. A name means a site of your own.`,
		Example: `  nightjar site follow 'USK@.../blog/-1/'
  nightjar site follow 'USK@.../blog/7/' --once && notify-send 'news'`,
		Args: oneArg("the name of a site, or a URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				return during(e.followSite(ctx, c, args[0], once), "follow the site")
			})
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end with the first one")
	return cmd
}

func (e *env) followSite(ctx context.Context, c *api.Client, arg string, once bool) error {
	uri, err := e.siteURI(ctx, c, arg)
	for err == nil {
		if uri, err = c.Follow(ctx, uri); err != nil {
			return err
		}
		if e.json {
			err = e.printJSON(api.URI{URI: uri})
		} else {
			err = e.println(uri)
		}
		if once {
			return err
		}
	}
	return err
}

// siteURI is the URI of a site that is named, or a URI as other commands read it.
func (e *env) siteURI(ctx context.Context, c *api.Client, arg string) (string, error) {
	if !strings.Contains(arg, "@") {
		s, err := c.Site(ctx, arg)
		if s.EditionURI != "" {
			return s.EditionURI, err
		}
		return s.URI, err
	}
	u, err := e.readURI(arg)
	if err != nil {
		return "", err
	}
	if u, err = u.Public(); err != nil {
		return "", err
	}
	return u.Encode(), nil
}
