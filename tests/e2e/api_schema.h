// The definitions of Docker's API (tests/data/docker-api-v1.50.yaml), to check answers against: what typed clients
// could not decode is a problem.
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

  // What is wrong with a body as the answer to "GET /containers/json": "[0].Ports: is text, not array". Members that the
  // definition does not know are fine. null is fine for lists and objects, as Go's clients read it.
  std::vector<std::string> problems(const std::string& method, const std::string& path, int status,
                                    const Json& body) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::e2e
