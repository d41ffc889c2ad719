// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// image is one layer and what is run of it.
type image struct {
	Entrypoint, Cmd, Env []string
	User                 string
}

// layer is a tar that is being written.
type layer struct {
	*tar.Writer
	err error
}

func newLayer(w io.Writer) *layer { return &layer{Writer: tar.NewWriter(w)} }

func (l *layer) put(h *tar.Header, body []byte) {
	h.ModTime, h.Format = time.Unix(0, 0), tar.FormatPAX
	h.Size = int64(len(body))
	if l.err == nil {
		l.err = l.WriteHeader(h)
	}
	if l.err == nil {
		_, l.err = l.Write(body)
	}
}

// file adds a program, with file capabilities if there are any.
func (l *layer) file(name, from string, capabilities []byte) {
	b, err := os.ReadFile(from)
	if l.err == nil {
		l.err = err
	}
	h := &tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeReg}
	if capabilities != nil {
		h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": string(capabilities)}
	}
	l.put(h, b)
}

// tree adds everything below a directory.
func (l *layer) tree(root string) {
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		link, _ := os.Readlink(path)
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name, h.Uid, h.Gid, h.Uname, h.Gname = name, 0, 0, "", ""
		var body []byte
		if info.Mode().IsRegular() {
			if body, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		l.put(h, body)
		return l.err
	})
	if l.err == nil {
		l.err = err
	}
}

// pack writes what "docker load" and "ctr images import" take.
func pack(to, name string, i image, fill func(*layer)) error {
	var content bytes.Buffer
	l := newLayer(&content)
	fill(l)
	if l.err == nil {
		l.err = l.Close()
	}
	if l.err != nil {
		return l.err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": i,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(content.Bytes()))}},
	})
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]any{map[string]any{"Config": id, "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	all := newLayer(f)
	for _, part := range []struct {
		name string
		body []byte
	}{{id, config}, {"layer.tar", content.Bytes()}, {"manifest.json", manifest}} {
		all.put(&tar.Header{Name: part.name, Mode: 0o644, Typeflag: tar.TypeReg}, part.body)
	}
	if all.err != nil {
		return all.err
	}
	return all.Close()
}

// fileCapabilities reads what the Dockerfile of the repository gives the program: its
// capabilities, as the kernel keeps them with a file (struct vfs_cap_data of
// linux/capability.h).
func fileCapabilities(dockerfile string) ([]byte, error) {
	m := regexp.MustCompile(`CAPABILITIES="([a-z_,]+)=p"`).FindStringSubmatch(dockerfile)
	if m == nil {
		return nil, fmt.Errorf("the Dockerfile gives no permitted capabilities")
	}
	var permitted uint64
	for _, name := range strings.Split(m[1], ",") {
		v, err := cap.FromName(name)
		if err != nil {
			return nil, err
		}
		permitted |= 1 << v
	}
	const revision2 = 0x02000000 // not effective
	raw := binary.LittleEndian.AppendUint32(nil, revision2)
	for _, word := range []uint32{uint32(permitted), 0, uint32(permitted >> 32), 0} {
		raw = binary.LittleEndian.AppendUint32(raw, word)
	}
	return raw, nil
}
