package main

import (
	"crypto/sha256"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/pep508"
)

// serveTemplate serves the folder whl of a script as PyTorch's index has it: below a variant a page for each project, in HTML, without times of
// upload and without sizes; files beside the projects; + written as %2B; addresses from the root of the host, some of them whole; and
// a file of metadata for some wheels. One whose name has "unhashed" in it has no hash.
func (w *world) serveTemplate(rw http.ResponseWriter, r *http.Request) {
	variant, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/whl/"), "/")
	folder := filepath.Join(w.dir, "whl", filepath.Base(variant))
	if file, isMetadata := strings.CutSuffix(name, ".metadata"); strings.HasSuffix(file, ".whl") {
		data, err := os.ReadFile(filepath.Join(folder, filepath.Base(file)))
		switch {
		case err != nil:
			http.NotFound(rw, r)
		case isMetadata:
			rw.Write(testenv.MetadataOf(data))
		default:
			http.ServeFile(rw, r, filepath.Join(folder, filepath.Base(file)))
		}
		return
	}
	entries, _ := os.ReadDir(folder)
	var links strings.Builder
	for i, e := range entries {
		project, _, _ := strings.Cut(e.Name(), "-")
		if pep508.NormalizeName(project) != strings.Trim(name, "/") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		href := "/whl/" + variant + "/" + strings.ReplaceAll(url.PathEscape(e.Name()), "+", "%2B")
		if i%2 == 1 {
			href = "http://" + r.Host + href
		}
		if !strings.Contains(e.Name(), "unhashed") {
			href += fmt.Sprintf("#sha256=%x", sha256.Sum256(data))
		}
		attribute := ""
		if i%3 != 2 {
			attribute = fmt.Sprintf(` data-dist-info-metadata="sha256=%x" data-core-metadata="sha256=%[1]x"`, sha256.Sum256(testenv.MetadataOf(data)))
		}
		fmt.Fprintf(&links, "    <a href=\"%s\"%s>%s</a><br/>\n", html.EscapeString(href), attribute, html.EscapeString(e.Name()))
	}
	if links.Len() == 0 {
		http.Error(rw, "AccessDenied", http.StatusForbidden) // as the real one says of what it does not have
		return
	}
	rw.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(rw, "<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for %s</h1>\n%s  </body>\n</html>\n<!--TIMESTAMP 1764547200-->\n", html.EscapeString(name), links.String())
}
