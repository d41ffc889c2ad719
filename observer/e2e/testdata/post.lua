-- SPDX-License-Identifier: Apache-2.0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"text":"what is the weather like on the moon tonight"}'
