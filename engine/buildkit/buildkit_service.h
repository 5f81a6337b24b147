// BuildKit's API (/session, /grpc, and POST /build?version=2) over our builder: what buildx, `docker compose build` and Docker's
// client with DOCKER_BUILDKIT=1 speak. The Dockerfile frontend only: LLB that a client makes itself is refused,
// but for results of earlier builds.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/buildkit/client_session.h"
#include "engine/buildkit/solve_job.h"
#include "engine/image/registry_service.h"

namespace stack::engine {

struct BuildkitParts {
  Context& context;
  images::ImageStore& images;
  BuildService& builds;
  RegistryService& registries;
};

class BuildkitService {
 public:
  explicit BuildkitService(BuildkitParts parts);

  // Serves a client's session until its connection ends.
  Task<> serve_session(http::Headers headers, http::RawStream stream);
  // Serves the API until the connection ends.
  Task<> serve_api(http::RawStream stream);

  // Known by its ref from here on; until some time after its end, for clients that ask late how it goes.
  JobPtr begin(SolveRequest request);
  // Builds and exports. The exporter's answer: "containerimage.digest".
  Task<Result<std::map<std::string, std::string>>> solve(JobPtr job);

 private:
  Task<grpc::Status> answer(grpc::CallPtr call);
  Task<grpc::Status> answer_solve(grpc::CallPtr call, std::string message);
  Task<grpc::Status> answer_status(grpc::CallPtr call, std::string message);
  Task<grpc::Status> answer_gateway(grpc::CallPtr call, std::string method, std::string message);
  Task<grpc::Status> answer_gateway_solve(grpc::CallPtr call, JobPtr job, std::string message);
  Task<grpc::Status> answer_disk_usage(grpc::CallPtr call);
  Task<grpc::Status> answer_prune(grpc::CallPtr call, std::string message);
  Task<JobPtr> find_job(std::string ref);
  Task<> drop_image(JobPtr job);
  Task<> forget_later(JobPtr job);
  Task<Result<>> wait_for_gateway(JobPtr job);

  BuildkitParts parts_;
  ClientSessions sessions_;
  std::map<std::string, JobPtr> jobs_;
  Signal changed_;
};

}  // namespace stack::engine
