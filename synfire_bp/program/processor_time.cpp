// Brian2 2.9 asks for the processor time in every step, for a time limit that is not set here.  The
// system call would take up to a third of a training; so in this program the answer is always 0,
// from here instead of from the C library.  Nothing that is read back depends on it.
#include <ctime>

extern "C" std::clock_t clock() noexcept
{
    return 0;
}
