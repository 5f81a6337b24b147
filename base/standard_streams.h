// Standard streams that the caller closed.
#pragma once

namespace stack {

// Opens /dev/null for each of the descriptors 0 to 2 that is closed, so that no file or socket gets its number. Call first in
// main(). Exits with 126 if /dev/null cannot be opened.
void open_standard_streams();

}  // namespace stack
