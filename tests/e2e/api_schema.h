// The definitions of Docker's API (tests/data/docker-api-v1.50.yaml), to check responses: anything that typed
// clients cannot decode is a problem.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::e2e {

class ApiSchema {
 public:
  ApiSchema();
  ~ApiSchema();

  // The problems of a body as the response to "GET /containers/json": "[0].Ports: is text, not array". Allows
  // unknown members, and null for lists and objects, which Go's clients accept.
  std::vector<std::string> problems(const std::string& method, const std::string& path, int status,
                                    const Json& body) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::e2e
