// Dockerfile instructions applied to an image: the `changes` of POST /commit and of an import.
#pragma once

#include <string>
#include <vector>

#include "engine/api/api.h"
#include "http/server/request.h"
#include "model/image_reference.h"

namespace stack::engine {

// The query's `changes`, one instruction each. Invalid for instructions that Docker does not allow here.
Result<std::vector<std::string>> changes_of(const http::Request& request);
// The query's `repo` and `tag` as references; none without `repo`.
Result<std::vector<Reference>> tags_of(const http::Request& request);
// Applies the changes, tags the new image, and returns its ID.
Task<Result<std::string>> apply_changes(Services& services, std::string image,
                                        std::vector<std::string> changes, std::vector<Reference> tags);
// The id of the same image with the origin of another (images::ImageOrigin), which has its tags.
Task<Result<std::string>> keep_origin(Services& services, std::string image, images::ImageOrigin origin,
                                      std::vector<Reference> tags);

}  // namespace stack::engine
