// Objects as YAML files.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::targets::kubernetes {

std::string yaml_of(const OrderedJson& object);

struct ObjectFile {
  std::string path;  // relative: "web.yaml", "gates/migrate-completed.yaml"
  std::string text;
};

// One file for each service, "project.yaml" for objects that services share, and a file in "gates" for each gate.
std::vector<ObjectFile> object_files(const Conversion& conversion);
// All objects without the gates, as one stream of documents.
std::string object_stream(const Conversion& conversion);

}  // namespace stack::targets::kubernetes
