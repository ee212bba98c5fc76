// A relay as one writes it in Go: net/http in and out, every chunk decoded, one flush a line.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"os"
)

type chunk struct {
	Choices []struct {
		Delta struct {
			Content string `json:"content"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		TotalTokens int `json:"total_tokens"`
	} `json:"usage"`
}

var upstream = os.Getenv("UPSTREAM")

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}

func relay(w http.ResponseWriter, r *http.Request) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, upstream+r.URL.Path, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", r.Header.Get("Authorization"))
	request.ContentLength = r.ContentLength
	response, err := client.Do(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(response.StatusCode)
	flusher := w.(http.Flusher)
	lines := bufio.NewReader(response.Body)
	tokens := 0
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if payload := bytes.TrimSpace(bytes.TrimPrefix(line, []byte("data:"))); len(payload) > 0 && payload[0] == '{' {
			var seen chunk
			if json.Unmarshal(payload, &seen) == nil {
				tokens++
			}
		}
		w.Write(line)
		if len(line) == 1 { // the empty line that ends an event
			flusher.Flush()
		}
	}
}

func main() {
	http.HandleFunc("/", relay)
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}
