# SPDX-License-Identifier: Apache-2.0
"""A small model service as many teams have one: FastAPI, a route that predicts
and a route that streams. It knows nothing of modeltap.

    pip install fastapi uvicorn
    uvicorn service:app --port 8000
"""

import asyncio
import json
import random

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
WORDS = "a model that is not there answers with the same few words again and again".split()


@app.post("/predict")
async def predict(request: Request):
    body = await request.json()
    await asyncio.sleep(random.uniform(0.02, 0.08))
    return {"label": "positive", "score": 0.98, "length": len(str(body.get("text", "")))}


@app.post("/chat")
async def chat(request: Request):
    await request.json()

    async def answer():
        await asyncio.sleep(random.uniform(0.1, 0.4))  # the prompt is read
        for i in range(random.randint(20, 60)):
            yield "data: " + json.dumps({"text": random.choice(WORDS) + " "}) + "\n\n"
            await asyncio.sleep(random.uniform(0.01, 0.04))
        yield "data: [DONE]\n\n"

    return StreamingResponse(answer(), media_type="text/event-stream")
