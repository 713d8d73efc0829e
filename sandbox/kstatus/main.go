// Tells what kstatus, by which Flux decides whether an object is ready, says of objects.
//
// Reads a JSON list of objects and prints a JSON list of {"status", "message"} in the same order.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	log.SetFlags(0)
	// Unstructured itself reads numbers as int64, as they come from an API server; plain JSON would give floats.
	var objects []unstructured.Unstructured
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		log.Fatalf("a JSON list of objects is wanted: %v", err)
	}
	verdicts := make([]verdict, 0, len(objects))
	for i := range objects {
		result, err := status.Compute(&objects[i])
		if err != nil {
			log.Fatalf("object %d: %v", i, err)
		}
		verdicts = append(verdicts, verdict{result.Status, result.Message})
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		log.Fatal(err)
	}
}
