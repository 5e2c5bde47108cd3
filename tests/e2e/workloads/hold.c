/* SPDX-License-Identifier: Apache-2.0 */
/* hold [...]: says that it runs, lives until its standard input is closed, leaves with 0. */
#include "expect.h"

int main(void)
{
	expect("execve", getpid(), "%s", "");
	wait_for_eof();
	return 0;
}
