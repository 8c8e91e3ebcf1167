//! The examples of RFC 7515 appendix A and RFC 8037 appendix A.

use portcullis_jwt_auth::{Algorithm, Jws, JwtError, KeySet};
use serde_json::{Map, Value, json};

/// The claims of the examples A.1 to A.3: `{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}`.
const JOE: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// An example: the key's JWK, and the three parts of its token.
struct Example {
    algorithm: Algorithm,
    jwk: Value,
    header: &'static str,
    payload: &'static str,
    signature: &'static str,
}

impl Example {
    fn token(&self) -> String {
        format!("{}.{}.{}", self.header, self.payload, self.signature)
    }

    fn keys(&self) -> KeySet {
        let jwk: Map<String, Value> = self.jwk.as_object().unwrap().clone();
        KeySet::from_jwks(&[jwk], Some(&[self.algorithm])).unwrap()
    }
}

fn a1_hs256() -> Example {
    Example {
        algorithm: Algorithm::Hs256,
        jwk: json!({
            "kty": "oct",
            "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        }),
        header: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        payload: JOE,
        signature: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
}

fn a2_rs256() -> Example {
    Example {
        algorithm: Algorithm::Rs256,
        jwk: json!({
            "kty": "RSA",
            "n": concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
                "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
                "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
                "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            ),
            "e": "AQAB",
        }),
        header: "eyJhbGciOiJSUzI1NiJ9",
        payload: JOE,
        signature: concat!(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb",
            "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383",
            "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy",
            "wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
    }
}

fn a3_es256() -> Example {
    Example {
        algorithm: Algorithm::Es256,
        jwk: json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }),
        header: "eyJhbGciOiJFUzI1NiJ9",
        payload: JOE,
        signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    }
}

fn a4_es512() -> Example {
    Example {
        algorithm: Algorithm::Es512,
        jwk: json!({
            "kty": "EC",
            "crv": "P-521",
            "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        }),
        header: "eyJhbGciOiJFUzUxMiJ9",
        payload: "UGF5bG9hZA",
        signature: concat!(
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgo",
            "XD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        ),
    }
}

/// RFC 8037 appendices A.4 and A.5.
fn ed25519() -> Example {
    Example {
        algorithm: Algorithm::EdDsa,
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        header: "eyJhbGciOiJFZERTQSJ9",
        payload: "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        signature: "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    }
}

fn examples() -> [Example; 5] {
    [a1_hs256(), a2_rs256(), a3_es256(), a4_es512(), ed25519()]
}

#[test]
fn the_examples_verify() {
    for example in examples() {
        let token = example.token();
        let jws = Jws::parse(token.as_bytes()).unwrap();
        assert_eq!(jws.algorithm, example.algorithm);
        assert_eq!(example.keys().verify_in_module(&jws).map(drop), Ok(()), "{:?}", example.algorithm);
    }
}

#[test]
fn the_examples_verify_only_with_their_own_keys() {
    for example in examples() {
        let token = example.token();
        let jws = Jws::parse(token.as_bytes()).unwrap();
        for other in examples().into_iter().filter(|other| other.algorithm != example.algorithm) {
            assert_eq!(
                other.keys().verify_in_module(&jws),
                Err(JwtError::KeyNotFound),
                "{:?}",
                other.algorithm
            );
        }
    }
}

#[test]
fn the_examples_do_not_verify_with_another_payload() {
    for example in examples() {
        let other = Example { payload: "e30", ..example };
        let token = other.token();
        let jws = Jws::parse(token.as_bytes()).unwrap();
        assert_eq!(
            other.keys().verify_in_module(&jws),
            Err(JwtError::SignatureInvalid),
            "{:?}",
            other.algorithm
        );
    }
}

#[test]
fn claims_are_read_where_the_payload_has_some() {
    let token = a1_hs256().token();
    let claims = Jws::parse(token.as_bytes()).unwrap().claims().unwrap();
    assert_eq!(claims["iss"], "joe");
    assert_eq!(claims["http://example.com/is_root"], true);
    let token = ed25519().token();
    assert_eq!(Jws::parse(token.as_bytes()).unwrap().claims(), Err(JwtError::Malformed));
}
