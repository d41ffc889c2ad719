// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	for in, want := range map[string]Spec{
		"8000":                  {Port: 8000},
		":8000":                 {Port: 8000},
		"*:8000":                {Port: 8000},
		"0.0.0.0:8000":          {Port: 8000},
		"[::]:8000":             {Port: 8000},
		"vllm=8000":             {Name: "vllm", Port: 8000},
		"127.0.0.1:8000":        {Addr: netip.MustParseAddr("127.0.0.1"), Port: 8000},
		"chat=[::1]:65535":      {Name: "chat", Addr: netip.MustParseAddr("::1"), Port: 65535},
		"[::ffff:10.0.0.1]:1":   {Addr: netip.MustParseAddr("10.0.0.1"), Port: 1},
		"a b:c=10.1.2.3:11434":  {Name: "a b:c", Addr: netip.MustParseAddr("10.1.2.3"), Port: 11434},
		"größe=8000":            {Name: "größe", Port: 8000},
		"n=[fe80::1]:8000":      {Name: "n", Addr: netip.MustParseAddr("fe80::1"), Port: 8000},
		"ns/pod/container=8000": {Name: "ns/pod/container", Port: 8000},
	} {
		got, err := ParseSpec(in)
		if err != nil || got.Name != want.Name || got.Addr != want.Addr || got.Port != want.Port {
			t.Errorf("ParseSpec(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseSpecErrors(t *testing.T) {
	for in, remedy := range map[string]string{
		"":                              "1 to 65535",
		"x":                             "1 to 65535",
		"0":                             "1 to 65535",
		"65536":                         "1 to 65535",
		"-1":                            "1 to 65535",
		"+80":                           "1 to 65535",
		"8000x":                         "1 to 65535",
		"=8000":                         "leave \"=\" out",
		"a=":                            "1 to 65535",
		"localhost:8000":                "not looked up",
		"::1:8000":                      "brackets",
		"[::1]":                         "[ADDR]:PORT",
		"[::1]8000":                     "[ADDR]:PORT",
		"[127.0.0.1]:8000":              "brackets are for IPv6",
		"[fe80::1%eth0]:80":             "leave \"%eth0\" out",
		"a\nb=8000":                     "control characters",
		"other=8000":                    "choose another",
		"a\xff=8000":                    "not UTF-8",
		"http://host:8000/x":            "brackets",
		strings.Repeat("n", 129) + "=1": "at most 128",
	} {
		_, err := ParseSpec(in)
		if err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("ParseSpec(%q): %v, want a sentence with %q", in, err, remedy)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"8000", "a=8000", "[::1]:8000", "x=127.0.0.1:80", "=", "[", "a=[::1", ":", "::ffff:1.2.3.4:5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		spec, err := ParseSpec(in)
		if err != nil {
			return
		}
		again, err := ParseSpec(spec.String())
		if err != nil || again.Name != spec.Name || again.Addr != spec.Addr || again.Port != spec.Port {
			t.Fatalf("%q gives %+v, whose form %q gives %+v, %v", in, spec, spec, again, err)
		}
	})
}

func TestCheckSpecs(t *testing.T) {
	for in, remedy := range map[string]string{
		"8000 8001":                      "",
		"a=8000 b=8001 c=127.0.0.1:8000": "",
		"a=8000 a=8001":                  "same name",
		"a=8000 8000":                    "same socket",
		"127.0.0.1:80 x=127.0.0.1:80":    "same socket",
		"0.0.0.0:80 [::]:80":             "same socket",
	} {
		var specs []Spec
		for _, s := range strings.Fields(in) {
			spec, err := ParseSpec(s)
			if err != nil {
				t.Fatal(err)
			}
			specs = append(specs, spec)
		}
		err := CheckSpecs(specs)
		if (err == nil) != (remedy == "") || err != nil && !strings.Contains(err.Error(), remedy) {
			t.Errorf("CheckSpecs(%s) = %v, want %q", in, err, remedy)
		}
	}
}
