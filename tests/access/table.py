"""Who may do what: every route, every method it takes, and what it answers to whom.

A number is the status; `in` sends to the sign-in, `out` leads on from there or back to it, `proof`
asks again for the password. A route or a method without a row fails the tests.
"""

PAGES = """
#                                                          nobody viewer editor manager admin
GET  /                                                     in     200    200    200     200

GET  /healthz                                              200    200    200    200     200
GET  /readyz                                               200    200    200    200     200
GET  /metrics                                              401    401    401    401     401

GET  /agents/                                              in     200    200    200     200
GET  /go/                                                  in     200    200    200     200
GET  /go/suggest/                                          in     200    200    200     200
GET  /agents/count/                                        in     200    200    200     200
GET  /agents/export.csv                                    in     200    200    200     200
GET  /agents/export.zip                                    in     200    200    200     200
GET  /agents/new/                                          in     403    200    200     200
POST /agents/new/                                          in     403    303    303     303
GET  /agents/upload/                                       in     403    200    200     200
POST /agents/upload/                                       in     403    422    422     422
GET  /agents/<str:agent_id>/                               in     200    200    200     200
POST /agents/<str:agent_id>/                               in     403    303    303     303
GET  /agents/<str:agent_id>/settings/                      in     200    200    200     200
POST /agents/<str:agent_id>/settings/                      in     403    303    303     303
GET  /agents/<str:agent_id>/recent/                        in     303    303    303     303
GET  /agents/<str:agent_id>/source/                        in     303    303    303     303
GET  /agents/<str:agent_id>/access/                        in     403    403    200     200
GET  /agents/<str:agent_id>/access.csv                     in     403    403    200     200
GET  /access/tag/                                          in     403    403    200     200
GET  /access/tag.csv                                       in     403    403    200     200
GET  /access/actor/                                        in     403    403    403     200
GET  /access/view-as/                                      in     403    403    403     404
POST /access/view-as/                                      in     403    403    403     303
GET  /agents/<str:agent_id>/memory/                        in     200    200    200     200
POST /agents/<str:agent_id>/memory/                        in     403    303    303     303
POST /agents/<str:agent_id>/memory/add/                    in     403    303    303     303
POST /agents/<str:agent_id>/memory/remove/                 in     403    303    303     303
GET  /agents/<str:agent_id>/history/                       in     200    200    200     200
POST /agents/<str:agent_id>/history/                       in     403    303    303     303
GET  /agents/<str:agent_id>/step/                          in     out    out    out     out
GET  /agents/<str:agent_id>/delete/                        in     403    200    200     200
POST /agents/<str:agent_id>/delete/                        in     403    303    303     303
GET  /agents/<str:agent_id>/file/                          in     200    200    200     200
GET  /agents/<str:agent_id>/json/                          in     200    200    200     200
POST /agents/<str:agent_id>/tags/                          in     403    303    303     303
POST /agents/<str:agent_id>/tags/remove/                   in     403    303    303     303
POST /agents/<str:agent_id>/tags/move/                     in     403    422    422     422
GET  /agents/<str:agent_id>/owner/                         in     403    200    200     200
POST /agents/<str:agent_id>/owner/                         in     403    422    422     422
GET  /agents/<str:agent_id>/shared/                        in     403    403    200     200
POST /agents/<str:agent_id>/shared/                        in     403    403    422     422
POST /agents/<str:agent_id>/tags/undo/                     in     403    303    303     303
GET  /agents/<str:agent_id>/tags/news/                     in     303    303    303     303
GET  /agents/<str:agent_id>/tags/editor/                   in     303    303    303     303
GET  /agents/<str:agent_id>/tags/row/                      in     303    303    303     303
GET  /tags/suggest/                                        in     200    200    200     200
GET  /tags/                                                in     200    200    200     200
GET  /tags/lookalikes/                                     in     200    200    200     200
GET  /tags/export.csv                                      in     200    200    200     200
GET  /tags/one/                                            in     200    200    200     200
POST /tags/one/                                            in     403    403    303     303
POST /tags/watch/                                          in     303    303    303     303
GET  /tags/many/                                           in     403    403    422     422
POST /tags/many/                                           in     403    403    422     422
GET  /tags/rename/                                         in     403    403    200     200
POST /tags/rename/                                         in     403    403    409     409
GET  /tags/merge/                                          in     403    403    200     200
POST /tags/merge/                                          in     403    403    409     409
GET  /tags/delete/                                         in     403    403    200     200
POST /tags/delete/                                         in     403    403    409     409
GET  /users/                                               in     200    200    200     200
GET  /users/one/                                           in     200    200    200     200
POST /users/one/                                           in     403    303    303     303
GET  /users/offboard/                                      in     403    403    200     200
POST /users/offboard/                                      in     403    403    409     409
GET  /users/receipts/<uuid:offboarding_id>/                in     403    403    200     200
GET  /users/receipts/<uuid:offboarding_id>/receipt.json    in     403    403    200     200
POST /users/receipts/<uuid:offboarding_id>/open/           in     403    403    303     303
POST /users/receipts/<uuid:offboarding_id>/check/          in     403    403    303     303
GET  /crossings/                                           in     200    200    200     200
POST /crossings/continue/                                  in     403    403    404     404
POST /crossings/undo/                                      in     403    403    404     404
POST /crossings/meant/                                     in     403    403    404     404
GET  /crossings/<str:block_id>/                            in     403    403    409     409
POST /crossings/<str:block_id>/                            in     403    403    409     409
GET  /memory/unused/                                       in     200    200    200     200
POST /memory/unused/                                       in     403    403    422     422
GET  /trash/                                               in     200    200    200     200
POST /trash/                                               in     403    422    422     422
GET  /views/-/tabs/                                        in     200    200    200     200
GET  /history/                                             in     200    200    200     200
GET  /history/<int:change_set_id>/                         in     200    200    200     200
GET  /history/people/                                      in     200    200    200     200
GET  /history/<int:change_set_id>/undo/                    in     403    200    200     200
POST /history/<int:change_set_id>/undo/                    in     403    303    303     303
GET  /history/<int:change_set_id>/receipt.csv              in     200    200    200     200

GET  /bulk/                                                in     403    403    200     200
GET  /bulk/new/                                            in     403    403    200     200
POST /bulk/new/                                            in     403    403    422     422
GET  /bulk/csv/                                            in     403    403    200     200
POST /bulk/csv/                                            in     403    403    422     422
POST /bulk/selection/                                      in     403    403    303     303
GET  /bulk/<uuid:plan_id>/                                 in     403    403    200     200
POST /bulk/<uuid:plan_id>/apply/                           in     403    403    303     303
POST /bulk/<uuid:plan_id>/revise/                          in     403    403    303     303
POST /bulk/<uuid:plan_id>/stop/                            in     403    403    303     303
POST /bulk/<uuid:plan_id>/resume/                          in     403    403    303     303
POST /bulk/<uuid:plan_id>/undo/                            in     403    403    409     409
GET  /bulk/<uuid:plan_id>/results/                         in     403    403    200     200
GET  /bulk/<uuid:plan_id>/refused.csv                      in     403    403    200     200

GET  /views/                                               in     200    200    200     200
GET  /views/new/                                           in     200    200    200     200
POST /views/new/                                           in     303    303    303     303
GET  /views/<slug:slug>/                                   in     403    403    200     200
POST /views/<slug:slug>/                                   in     403    403    303     303
POST /views/<slug:slug>/delete/                            in     403    403    303     303

GET  /keys/                                                in     403    403    403     200
POST /keys/                                                in     403    403    403     200
GET  /keys/<str:key_id>/                                   in     403    403    403     200
POST /keys/<str:key_id>/rotate/                            in     403    403    403     200
POST /keys/<str:key_id>/disable/                           in     403    403    403     303

GET  /sources/                                             in     403    403    403     200
POST /sources/                                             in     403    403    403     422
GET  /sources/inbox/                                       in     403    403    200     200
POST /sources/inbox/<int:item_id>/                         in     403    403    303     303
GET  /sources/<int:source_id>/                             in     403    403    403     200
POST /sources/<int:source_id>/                             in     403    403    403     303
POST /sources/<int:source_id>/test/                        in     403    403    403     303
POST /sources/<int:source_id>/sync/                        in     403    403    403     303
POST /sources/<int:source_id>/token/                       in     403    403    403     303
POST /sources/<int:source_id>/pause/                       in     403    403    403     303
GET  /sources/<int:source_id>/resume/                      in     403    403    403     200
POST /sources/<int:source_id>/resume/                      in     403    403    403     303
POST /sources/<int:source_id>/change/                      in     403    403    403     303
GET  /sources/<int:source_id>/remove/                      in     403    403    403     200
POST /sources/<int:source_id>/remove/                      in     403    403    403     303

GET  /webhooks/                                            in     403    403    200     200
POST /webhooks/                                            in     403    403    200     200
GET  /webhooks/<str:webhook_id>/                           in     403    403    200     200
POST /webhooks/<str:webhook_id>/                           in     403    403    303     303
POST /webhooks/<str:webhook_id>/rotate/                    in     403    403    200     200
POST /webhooks/<str:webhook_id>/ping/                      in     403    403    303     303
POST /webhooks/<str:webhook_id>/switch/                    in     403    403    303     303
POST /webhooks/<str:webhook_id>/redeliver/                 in     403    403    303     303
POST /webhooks/<str:webhook_id>/delete/                    in     403    403    303     303

GET  /members/                                             in     403    403    403     200
POST /members/                                             in     403    403    403     200
GET  /members/<int:pk>/                                    in     403    403    403     200
POST /members/<int:pk>/role/                               in     403    403    403     303
GET  /members/<int:pk>/limit/                              in     403    403    403     200
POST /members/<int:pk>/limit/                              in     403    403    403     303
POST /members/<int:pk>/disable/                            in     403    403    403     303
POST /members/<int:pk>/enable/                             in     403    403    403     303
POST /members/<int:pk>/link/                               in     403    403    403     200
POST /members/<int:pk>/sessions/end/                       in     403    403    403     303
POST /members/<int:pk>/factors/remove/                     in     403    403    403     303

GET  /accounts/                                            in     200    200    200     200
GET  /accounts/login/                                      200    out    out    out     out
POST /accounts/login/                                      422    out    out    out     out
GET  /accounts/logout/                                     out    200    200    200     200
POST /accounts/logout/                                     out    out    out    out     out
POST /accounts/logout/everywhere/                          in     303    303    303     303
GET  /accounts/reauthenticate/                             in     200    200    200     200
POST /accounts/reauthenticate/                             in     200    200    200     200
POST /accounts/look/                                       in     303    303    303     303
GET  /accounts/password/                                   in     200    200    200     200
POST /accounts/password/                                   in     422    422    422     422
GET  /accounts/password/set/<str:uidb64>/<str:token>/      410    410    410    410     410
POST /accounts/password/set/<str:uidb64>/<str:token>/      410    410    410    410     410
"""

# With MFA and PASSKEYS switched on; nobody here has a second factor yet. A sign-in is no proof
# here: allauth wants the password again before anything about factors is shown or changed.
FACTORS = """
#                                                          nobody viewer editor manager admin
GET  /accounts/2fa/                                        in     200    200    200     200
GET  /accounts/2fa/authenticate/                           out    out    out    out     out
POST /accounts/2fa/authenticate/                           out    out    out    out     out
GET  /accounts/2fa/reauthenticate/                         in     proof  proof  proof   proof
POST /accounts/2fa/reauthenticate/                         in     proof  proof  proof   proof
GET  /accounts/2fa/totp/activate/                          in     proof  proof  proof   proof
POST /accounts/2fa/totp/activate/                          in     proof  proof  proof   proof
GET  /accounts/2fa/totp/deactivate/                        in     404    404    404     404
POST /accounts/2fa/totp/deactivate/                        in     404    404    404     404
GET  /accounts/2fa/recovery-codes/                         in     404    404    404     404
GET  /accounts/2fa/recovery-codes/generate/                in     proof  proof  proof   proof
POST /accounts/2fa/recovery-codes/generate/                in     proof  proof  proof   proof
GET  /accounts/2fa/recovery-codes/download/                in     404    404    404     404
POST /accounts/2fa/recovery-codes/download/                in     404    404    404     404
GET  /accounts/2fa/webauthn/                               in     200    200    200     200
GET  /accounts/2fa/webauthn/add/                           in     proof  proof  proof   proof
POST /accounts/2fa/webauthn/add/                           in     proof  proof  proof   proof
GET  /accounts/2fa/webauthn/reauthenticate/                in     proof  proof  proof   proof
POST /accounts/2fa/webauthn/reauthenticate/                in     proof  proof  proof   proof
GET  /accounts/2fa/webauthn/keys/<int:pk>/remove/          in     proof  proof  proof   proof
POST /accounts/2fa/webauthn/keys/<int:pk>/remove/          in     proof  proof  proof   proof
GET  /accounts/2fa/webauthn/keys/<int:pk>/edit/            in     proof  proof  proof   proof
POST /accounts/2fa/webauthn/keys/<int:pk>/edit/            in     proof  proof  proof   proof
GET  /accounts/2fa/webauthn/login/                         out    out    out    out     out
POST /accounts/2fa/webauthn/login/                         out    out    out    out     out
"""

# Limited is a key with write scope that is limited to a tag: asked for an agent that carries the
# tag (own), and for one that does not (foreign).
API = """
#                                                                nobody read write manage own foreign
GET    /v1/health/                                               200    200  200   200    200 200
GET    /v1/docs                                                  200    200  200   200    200 200
GET    /v1/docs/<group>                                          404    404  404   404    404 404
GET    /v1/tags/                                                 401    200  200   200    200 200
POST   /v1/tags/rename                                           401    403  403   200    403 403
POST   /v1/tags/merge                                            401    403  403   200    403 403
POST   /v1/tags/delete                                           401    403  403   200    403 403
POST   /v1/users/assign                                          401    403  200   200    403 403
POST   /v1/users/move                                            401    403  403   200    403 403
POST   /v1/users/offboard                                        401    403  403   200    403 403
GET    /v1/users/offboardings/<offboarding_id>                   401    403  403   200    403 403
POST   /v1/users/offboardings/<offboarding_id>/check             401    403  403   200    403 403
GET    /v1/crossings                                             401    403  403   200    403 403
GET    /v1/history/                                              401    200  200   200    403 403
GET    /v1/history/<change_set_id>                               401    200  200   200    403 403
POST   /v1/history/<change_set_id>/undo                          401    403  200   200    403 403
GET    /v1/agents/                                               401    200  200   200    200 200
POST   /v1/agents/                                               401    403  200   200    200 200
GET    /v1/agents/count                                          401    200  200   200    200 200
GET    /v1/agents/export                                         401    200  200   200    200 200
GET    /v1/agents/<agent_id>                                     401    200  200   200    200 404
PATCH  /v1/agents/<agent_id>                                     401    403  200   200    200 404
DELETE /v1/agents/<agent_id>                                     401    403  200   200    200 404
POST   /v1/agents/<agent_id>/tags                                401    403  200   200    200 404
GET    /v1/agents/<agent_id>/shared                              401    200  200   200    200 404
PUT    /v1/agents/<agent_id>/shared                              401    403  403   200    403 403
DELETE /v1/agents/<agent_id>/shared                              401    403  403   200    403 403
GET    /v1/agents/<agent_id>/core-memory/blocks                  401    200  200   200    200 404
GET    /v1/agents/<agent_id>/core-memory/blocks/<path:label>     401    200  200   200    200 404
PATCH  /v1/agents/<agent_id>/core-memory/blocks/<path:label>     401    403  200   200    200 404
GET    /v1/agents/<agent_id>/core-memory                         401    200  200   200    200 404
PATCH  /v1/agents/<agent_id>/core-memory/blocks/attach/<block_id>  401  403  200   200    200 404
PATCH  /v1/agents/<agent_id>/core-memory/blocks/detach/<block_id>  401  403  200   200    200 404
GET    /v1/agents/<agent_id>/export                              401    200  200   200    200 404
POST   /v1/agents/import                                         401    403  422   422    422 422
GET    /v1/agents/<agent_id>/identities                          401    200  200   200    200 404
PATCH  /v1/agents/<agent_id>/identities/attach/<identity_id>     401    403  200   200    403 403
PATCH  /v1/agents/<agent_id>/identities/detach/<identity_id>     401    403  200   200    403 403
GET    /v1/blocks/                                               401    200  200   200    200 200
POST   /v1/blocks/                                               401    403  200   200    403 403
GET    /v1/blocks/count                                          401    200  200   200    200 200
GET    /v1/blocks/<block_id>                                     401    200  200   200    200 404
PATCH  /v1/blocks/<block_id>                                     401    403  200   200    200 404
DELETE /v1/blocks/<block_id>                                     401    403  200   200    200 404
GET    /v1/blocks/<block_id>/agents                              401    200  200   200    200 404
GET    /v1/identities/                                           401    200  200   200    200 200
POST   /v1/identities/                                           401    403  200   200    403 403
PUT    /v1/identities/                                           401    403  200   200    403 403
GET    /v1/identities/count                                      401    200  200   200    200 200
GET    /v1/identities/<identity_id>                              401    200  200   200    404 404
PATCH  /v1/identities/<identity_id>                              401    403  200   200    403 403
DELETE /v1/identities/<identity_id>                              401    403  200   200    403 403
PUT    /v1/identities/<identity_id>/properties                   401    403  200   200    403 403
GET    /v1/identities/<identity_id>/agents                       401    200  200   200    404 404
GET    /v1/identities/<identity_id>/blocks                       401    200  200   200    404 404
GET    /v1/models/                                               401    200  200   200    200 200
GET    /v1/models/embedding                                      401    200  200   200    200 200
GET    /v1/metadata/user                                         401    200  200   200    200 200
GET    /v1/metadata/balance                                      401    200  200   200    200 200
GET    /v1/organizations/self/quotas                             401    200  200   200    200 200
GET    /v1/agents/<agent_id>/context                             401    200  200   200    200 404
GET    /v1/git/<path:rest>                                          501    501  501   501    501 501
POST   /v1/git/<path:rest>                                          501    501  501   501    501 501
PUT    /v1/git/<path:rest>                                          501    501  501   501    501 501
PATCH  /v1/git/<path:rest>                                          501    501  501   501    501 501
DELETE /v1/git/<path:rest>                                          501    501  501   501    501 501
POST   /v1/<unkept_search:name>                                  401    403  200   200    200 200
GET    /v1/<unkept:name>/                                        401    200  200   200    200 200
GET    /v1/<unkept:name>/count                                   401    200  200   200    200 200
GET    /v1/<unkept:name>/<path:rest>                             401    404  404   404    404 404
GET    /v1/agents/<agent_id>/<unkept_of_agent:name>              401    200  200   200    200 404
GET    /v1/agents/<agent_id>/<unkept_of_agent:name>/count        401    200  200   200    200 404
GET    /v1/agents/<agent_id>/<unkept_of_agent:name>/<path:rest>  401    404  404   404    404 404
POST   /v1/<unkept:name>/                                        401    403  501   501    501 501
PUT    /v1/<unkept:name>/                                        401    403  501   501    501 501
PATCH  /v1/<unkept:name>/                                        401    403  501   501    501 501
DELETE /v1/<unkept:name>/                                        401    403  501   501    501 501
POST   /v1/<unkept:name>/<path:rest>                             401    403  501   501    501 501
PUT    /v1/<unkept:name>/<path:rest>                             401    403  501   501    501 501
PATCH  /v1/<unkept:name>/<path:rest>                             401    403  501   501    501 501
DELETE /v1/<unkept:name>/<path:rest>                             401    403  501   501    501 501
POST   /v1/agents/<agent_id>/<unkept_of_agent:name>              401    403  501   501    501 404
PUT    /v1/agents/<agent_id>/<unkept_of_agent:name>              401    403  501   501    501 404
PATCH  /v1/agents/<agent_id>/<unkept_of_agent:name>              401    403  501   501    501 404
DELETE /v1/agents/<agent_id>/<unkept_of_agent:name>              401    403  501   501    501 404
POST   /v1/agents/<agent_id>/<unkept_of_agent:name>/<path:rest>  401    403  501   501    501 404
PUT    /v1/agents/<agent_id>/<unkept_of_agent:name>/<path:rest>  401    403  501   501    501 404
PATCH  /v1/agents/<agent_id>/<unkept_of_agent:name>/<path:rest>  401    403  501   501    501 404
DELETE /v1/agents/<agent_id>/<unkept_of_agent:name>/<path:rest>  401    403  501   501    501 404
POST   /v1/agents/<agent_id>/<act_on_agent:name>                 401    403  501   501    501 404
PATCH  /v1/agents/<agent_id>/<act_on_agent:name>                 401    403  501   501    501 404
POST   /v1/bulk/                                                 401    403  403   200    403 403
POST   /v1/bulk/rows                                             401    403  403   200    403 403
GET    /v1/bulk/                                                 401    403  403   200    403 403
GET    /v1/bulk/<plan_id>                                        401    403  403   200    403 403
GET    /v1/bulk/<plan_id>/results                                401    403  403   200    403 403
GET    /v1/bulk/<plan_id>/refused                                401    403  403   200    403 403
POST   /v1/bulk/<plan_id>/apply                                  401    403  403   200    403 403
POST   /v1/bulk/<plan_id>/stop                                   401    403  403   200    403 403
POST   /v1/bulk/<plan_id>/resume                                 401    403  403   200    403 403
POST   /v1/bulk/<plan_id>/undo                                   401    403  403   200    403 403
GET    /v1/keys/                                                 401    403  403   200    403 403
POST   /v1/keys/                                                 401    403  403   200    403 403
DELETE /v1/keys/<key_id>                                         401    403  403   200    403 403
GET    /v1/access/                                               401    403  403   200    403 403
POST   /v1/access/check                                          401    200  200   200    200 200
GET    /v1/members/                                              401    403  403   200    403 403
PATCH  /v1/members/<member_id>                                   401    403  403   200    403 403
GET    /v1/sources/                                              401    403  403   200    403 403
POST   /v1/sources/                                              401    403  403   422    403 403
POST   /v1/sources/test                                          401    403  403   422    403 403
GET    /v1/sources/inbox                                         401    403  403   200    403 403
POST   /v1/sources/inbox/<item_id>/accept                    401    403  403   200    403 403
POST   /v1/sources/inbox/<item_id>/put-back                  401    403  403   200    403 403
POST   /v1/sources/inbox/<item_id>/reopen                    401    403  403   200    403 403
GET    /v1/sources/<source_id>                               401    403  403   200    403 403
PATCH  /v1/sources/<source_id>                               401    403  403   200    403 403
GET    /v1/sources/<source_id>/removal                       401    403  403   200    403 403
DELETE /v1/sources/<source_id>                               401    403  403   200    403 403
POST   /v1/sources/<source_id>/test                          401    403  403   422    403 403
POST   /v1/sources/<source_id>/sync                          401    403  403   200    403 403
POST   /v1/sources/<source_id>/pause                         401    403  403   200    403 403
POST   /v1/sources/<source_id>/resume                        401    403  403   200    403 403
POST   /v1/sources/<source_id>/changes/<change_set_id>   401    403  403   200    403 403
GET    /v1/client-side-access-tokens                             401    200  200   200    200 200
POST   /v1/client-side-access-tokens                             401    200  200   200    200 200
DELETE /v1/client-side-access-tokens/<access_token>              401    404  404   200    404 404
GET    /v1/webhooks/                                             401    403  403   200    403 403
POST   /v1/webhooks/                                             401    403  403   200    403 403
GET    /v1/webhooks/<webhook_id>                                 401    403  403   200    403 403
PATCH  /v1/webhooks/<webhook_id>                                 401    403  403   200    403 403
DELETE /v1/webhooks/<webhook_id>                                 401    403  403   200    403 403
POST   /v1/webhooks/<webhook_id>/rotate                          401    403  403   200    403 403
POST   /v1/webhooks/<webhook_id>/ping                            401    403  403   200    403 403
GET    /v1/webhooks/<webhook_id>/deliveries                      401    403  403   200    403 403
POST   /v1/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver  401  403 403 200    403 403
"""

# Whether these may be had depends on the identity provider, which tests/accounts plays.
OIDC = {
    "/accounts/oidc/^(?P<provider_id>[^/]+)/login/",
    "/accounts/oidc/^(?P<provider_id>[^/]+)/login/callback/",
    "/accounts/oidc/cancelled/",
    "/accounts/oidc/error/",
}
# ninja's own: the description of the API, which holds no data, and a root that leads nowhere.
PUBLIC = {"/v1/openapi.json", "/v1/"}


def rows(table: str) -> dict[tuple[str, str], dict[str, str]]:
    """The answers by who asks, by method and route."""
    head, *lines = [line.split() for line in table.strip().splitlines() if line.strip()]
    return {
        (method, route): dict(zip(head[1:], answers, strict=True))
        for method, route, *answers in lines
    }
